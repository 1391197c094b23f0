//! Where the components of a model lie: in one folder, or some of them elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A setting that takes folders of a model from elsewhere.
#[derive(Debug)]
pub struct Component {
    /// Its key in `[model]`.
    pub key: &'static str,
    /// The folders that it stands for.
    pub parts: &'static [&'static str],
}

/// All of them; one that comes later wins.
pub static COMPONENTS: [Component; 11] = [
    Component { key: "vae", parts: &["vae_encoder", "vae_decoder"] },
    Component { key: "vae_encoder", parts: &["vae_encoder"] },
    Component { key: "vae_decoder", parts: &["vae_decoder"] },
    Component { key: "unet", parts: &["unet"] },
    Component { key: "transformer", parts: &["transformer"] },
    Component { key: "text_encoder", parts: &["text_encoder"] },
    Component { key: "text_encoder_2", parts: &["text_encoder_2"] },
    Component { key: "text_encoder_3", parts: &["text_encoder_3"] },
    Component { key: "tokenizer", parts: &["tokenizer"] },
    Component { key: "tokenizer_2", parts: &["tokenizer_2"] },
    Component { key: "tokenizer_3", parts: &["tokenizer_3"] },
];

/// A model's folder, and the folders of its components that lie elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelPaths {
    root: PathBuf,
    elsewhere: BTreeMap<&'static str, PathBuf>,
}

impl From<&Path> for ModelPaths {
    fn from(root: &Path) -> Self {
        Self { root: root.to_path_buf(), elsewhere: BTreeMap::new() }
    }
}

impl From<&PathBuf> for ModelPaths {
    fn from(root: &PathBuf) -> Self {
        root.as_path().into()
    }
}

impl From<&Self> for ModelPaths {
    fn from(paths: &Self) -> Self {
        paths.clone()
    }
}

impl ModelPaths {
    /// Takes the component `key` of [`COMPONENTS`] from `folder`: the component's own folder, or a whole model's. An
    /// unknown key changes nothing.
    #[must_use]
    pub fn with(mut self, key: &str, folder: &Path) -> Self {
        let known = COMPONENTS.iter().filter(|component| component.key == key);
        for part in known.flat_map(|component| component.parts) {
            self.elsewhere.insert(part, folder.to_path_buf());
        }
        self
    }

    /// The same components in other folders: `root` tells the model's own, `elsewhere` that of each part taken from elsewhere.
    ///
    /// # Errors
    /// The first error of either.
    pub(super) fn replaced<E>(
        &self,
        root: impl FnOnce(&Path) -> Result<PathBuf, E>,
        elsewhere: impl Fn(&str, &Path) -> Result<PathBuf, E>,
    ) -> Result<Self, E> {
        let parts = self.elsewhere.iter().map(|(part, at)| Ok((*part, elsewhere(part, at)?)));
        let elsewhere = parts.collect::<Result<_, E>>()?;
        Ok(Self { root: root(&self.root)?, elsewhere })
    }

    /// Parts that are taken from elsewhere.
    pub(super) fn parts_elsewhere(&self) -> Vec<&'static str> {
        self.elsewhere.keys().copied().collect()
    }

    /// The model's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the component `part` is taken from elsewhere.
    pub fn is_elsewhere(&self, part: &str) -> bool {
        self.elsewhere.contains_key(part)
    }

    /// The folder that a setting names for the component `part`.
    pub fn elsewhere(&self, part: &str) -> Option<&Path> {
        self.elsewhere.get(part).map(PathBuf::as_path)
    }

    /// The folders that settings name, each once.
    pub(super) fn folders_elsewhere(&self) -> Vec<&Path> {
        let mut folders: Vec<&Path> = self.elsewhere.values().map(PathBuf::as_path).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// The folder of the component `part`, such as `unet`.
    pub fn part(&self, part: &str) -> PathBuf {
        let Some(folder) = self.elsewhere.get(part) else { return self.root.join(part) };
        let within = folder.join(part);
        // What is no component by itself is a model, whose component may be missing.
        let several = COMPONENTS.iter().any(|c| c.parts.len() > 1 && c.parts.contains(&part));
        let whole = folder.join("model_index.json").exists()
            || (several
                && ["vae_encoder", "vae_decoder"].iter().any(|part| folder.join(part).is_dir()));
        if within.is_dir() || whole { within } else { folder.clone() }
    }

    /// The file or folder `name` of the model, such as `vae_decoder/config.json`.
    pub fn file(&self, name: &str) -> PathBuf {
        match name.split_once('/') {
            Some((part, rest)) => self.part(part).join(rest),
            None => self.part(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_a_folder_or_part_of_a_model() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("other/unet")).unwrap();
        std::fs::create_dir_all(at("fixed/vae_encoder")).unwrap();
        std::fs::create_dir_all(at("lone")).unwrap();
        let own = ModelPaths::from(&at("own"));
        assert_eq!(own.part("unet"), at("own/unet"));
        let mixed = own.with("unet", &at("other")).with("vae", &at("fixed"));
        assert_eq!(mixed.part("unet"), at("other/unet"));
        assert_eq!(mixed.file("vae_encoder/model.onnx"), at("fixed/vae_encoder/model.onnx"));
        // What is missing is named where it should be.
        assert_eq!(mixed.part("vae_decoder"), at("fixed/vae_decoder"));
        assert_eq!(mixed.file("model_index.json"), at("own/model_index.json"));
        let mixed = mixed.with("vae_decoder", &at("lone"));
        assert_eq!(mixed.part("vae_decoder"), at("lone"));
        assert!(mixed.is_elsewhere("vae_encoder") && !mixed.is_elsewhere("text_encoder"));
    }
}
