//! Where `[model]` says that a model's components lie.

use super::sections::Model;
use crate::models::ModelPaths;
use std::path::{Path, PathBuf};

impl Model {
    /// The components that may come from other folders, by their keys; the order is that in which one wins over another.
    fn components(&self) -> [(&'static str, &Option<PathBuf>); 11] {
        [
            ("vae", &self.vae),
            ("vae_encoder", &self.vae_encoder),
            ("vae_decoder", &self.vae_decoder),
            ("unet", &self.unet),
            ("transformer", &self.transformer),
            ("text_encoder", &self.text_encoder),
            ("text_encoder_2", &self.text_encoder_2),
            ("text_encoder_3", &self.text_encoder_3),
            ("tokenizer", &self.tokenizer),
            ("tokenizer_2", &self.tokenizer_2),
            ("tokenizer_3", &self.tokenizer_3),
        ]
    }

    /// The model's folder and those of its components that lie elsewhere.
    pub fn paths(&self) -> ModelPaths {
        let set = self.components().into_iter();
        let set = set.filter_map(|(key, folder)| Some((key, folder.as_deref()?)));
        set.fold(ModelPaths::from(&self.path), |paths, (key, folder)| paths.with(key, folder))
    }

    /// Every folder that is set, the refiner's included.
    pub fn set_paths(&self) -> Vec<&PathBuf> {
        let components = self.components().into_iter().filter_map(|(_, folder)| folder.as_ref());
        std::iter::once(&self.path).chain(&self.refiner).chain(components).collect()
    }

    /// Puts the components of `paths`, which are those of [`Model::paths`] in other folders, in the place of its own.
    pub fn replace(&mut self, paths: &ModelPaths) {
        self.path = paths.root().to_path_buf();
        self.vae = None;
        for (part, folder) in [
            ("vae_encoder", &mut self.vae_encoder),
            ("vae_decoder", &mut self.vae_decoder),
            ("unet", &mut self.unet),
            ("transformer", &mut self.transformer),
            ("text_encoder", &mut self.text_encoder),
            ("text_encoder_2", &mut self.text_encoder_2),
            ("text_encoder_3", &mut self.text_encoder_3),
            ("tokenizer", &mut self.tokenizer),
            ("tokenizer_2", &mut self.tokenizer_2),
            ("tokenizer_3", &mut self.tokenizer_3),
        ] {
            *folder = paths.elsewhere(part).map(Path::to_path_buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pipeline;
    use crate::config::section::Section;
    use crate::models::COMPONENTS;

    #[test]
    fn every_component_is_a_key_and_reaches_the_model() {
        let keys: Vec<&str> = Model::keys().iter().map(|key| key.key).collect();
        let own: Vec<&str> = COMPONENTS.iter().map(|component| component.key).collect();
        assert_eq!(keys[2..2 + own.len()], own);
        let mut model = Model { path: "m".into(), ..Model::default() };
        assert_eq!(own, model.components().map(|(key, _)| key));
        let set: Vec<String> = own.iter().map(|key| format!("{key} = \"other-{key}\"")).collect();
        let text = format!("[data]\nshards = \"a\"\n[model]\npath = \"m\"\n{}\n", set.join("\n"));
        model = Pipeline::parse(&text, Path::new("p.toml"), &[]).unwrap().model;
        let paths = model.paths();
        assert_eq!(paths.part("vae_encoder"), Path::new("other-vae_encoder"));
        for part in own.into_iter().skip(1) {
            assert!(paths.is_elsewhere(part), "{part}");
        }
        model.replace(&paths);
        assert_eq!(model.paths(), paths);
    }
}
