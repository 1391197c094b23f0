//! Where `[model]` says that a model's components lie.

use super::sections::Model;
use crate::models::ModelPaths;
use std::path::PathBuf;

impl Model {
    /// The components that may come from other folders, by their keys; the order is that in which one wins over another.
    fn components(&self) -> [(&'static str, &Option<PathBuf>); 8] {
        [
            ("vae", &self.vae),
            ("vae_encoder", &self.vae_encoder),
            ("vae_decoder", &self.vae_decoder),
            ("unet", &self.unet),
            ("text_encoder", &self.text_encoder),
            ("text_encoder_2", &self.text_encoder_2),
            ("tokenizer", &self.tokenizer),
            ("tokenizer_2", &self.tokenizer_2),
        ]
    }

    /// The model's folder and those of its components that lie elsewhere.
    pub fn paths(&self) -> ModelPaths {
        let set = self.components().into_iter();
        let set = set.filter_map(|(key, folder)| Some((key, folder.as_deref()?)));
        set.fold(ModelPaths::from(&self.path), |paths, (key, folder)| paths.with(key, folder))
    }

    /// Every path that is set, the refiner's included, to be replaced by another that stands for the same files.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let Self {
            path,
            refiner,
            vae,
            vae_encoder,
            vae_decoder,
            unet,
            text_encoder,
            text_encoder_2,
            tokenizer,
            tokenizer_2,
        } = self;
        let components = [
            vae,
            vae_encoder,
            vae_decoder,
            unet,
            text_encoder,
            text_encoder_2,
            tokenizer,
            tokenizer_2,
        ];
        let set = std::iter::once(refiner).chain(components).filter_map(Option::as_mut);
        std::iter::once(path).chain(set).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pipeline;
    use crate::config::section::Section;
    use crate::models::COMPONENTS;
    use std::path::Path;

    #[test]
    fn every_component_is_a_key_and_reaches_the_model() {
        let keys: Vec<&str> = Model::keys().iter().map(|key| key.key).collect();
        let own: Vec<&str> = COMPONENTS.iter().map(|component| component.key).collect();
        assert_eq!(keys[2..], own);
        let mut model = Model { path: "m".into(), ..Model::default() };
        assert_eq!(own, model.components().map(|(key, _)| key));
        assert_eq!(model.paths_mut().len(), 1);
        let set: Vec<String> = own.iter().map(|key| format!("{key} = \"other-{key}\"")).collect();
        let text = format!("[data]\nshards = \"a\"\n[model]\npath = \"m\"\n{}\n", set.join("\n"));
        model = Pipeline::parse(&text, Path::new("p.toml"), &[]).unwrap().model;
        assert_eq!(model.paths_mut().len(), 9);
        let paths = model.paths();
        assert_eq!(paths.part("vae_encoder"), Path::new("other-vae_encoder"));
        for part in own.into_iter().skip(1) {
            assert!(paths.is_elsewhere(part), "{part}");
        }
    }
}
