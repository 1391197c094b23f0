//! A model named on the command line, with components of other folders: `--set model.KEY=DIR`.

use super::exit::UsageError;
use crate::models::{COMPONENTS, ModelPaths};
use std::path::Path;

/// The model in `folder` with the components that `sets` name, and the sets that name none.
pub(super) fn model_paths(
    folder: &Path,
    sets: &[String],
) -> Result<(ModelPaths, Vec<String>), UsageError> {
    let mut chosen: Vec<(usize, &str, &str)> = Vec::new();
    let mut others = Vec::new();
    for set in sets {
        let named = set.split_once('=').and_then(|(key, value)| {
            Some((key.trim().strip_prefix("model.")?, value.trim().trim_matches('"')))
        });
        let Some((key, value)) = named else {
            others.push(set.clone());
            continue;
        };
        let rank = COMPONENTS.iter().position(|component| component.key == key);
        match rank.filter(|_| !value.is_empty()) {
            Some(rank) => chosen.push((rank, key, value)),
            None => return Err(UsageError(format!("--set {set}: {}", choice()))),
        }
    }
    // As in a pipeline file: the narrower key wins, whatever the order on the command line.
    chosen.sort_by_key(|(rank, ..)| *rank);
    let paths = chosen
        .into_iter()
        .fold(ModelPaths::from(folder), |paths, (_, key, value)| paths.with(key, Path::new(value)));
    Ok((paths, others))
}

/// What `sets` say of the model's being one of few steps, and the other sets.
pub(super) fn few_steps(sets: &[String]) -> Result<(Option<bool>, Vec<String>), UsageError> {
    let (mut said, mut others) = (None, Vec::new());
    for set in sets {
        match set.split_once('=').filter(|(key, _)| key.trim() == "model.few_steps") {
            None => others.push(set.clone()),
            Some((_, value)) => {
                let wrong = || UsageError(format!("--set {set}: it must be true or false"));
                said = Some(value.trim().parse().map_err(|_| wrong())?);
            }
        }
    }
    Ok((said, others))
}

fn choice() -> String {
    let keys: Vec<String> = COMPONENTS.iter().map(|c| format!("model.{}=DIR", c.key)).collect();
    format!("a model's components are {}", keys.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_told_from_other_settings() {
        let sets = ["model.vae_decoder=d", "gamma=0.1", "model.vae=\"v\""].map(String::from);
        let (paths, others) = model_paths(Path::new("m"), &sets).unwrap();
        assert_eq!(others, ["gamma=0.1"]);
        assert_eq!(paths.part("vae_encoder"), Path::new("v"));
        assert_eq!(paths.part("vae_decoder"), Path::new("d"));
        let wrong = model_paths(Path::new("m"), &["model.clip=x".into()]).unwrap_err().to_string();
        assert!(wrong.contains("model.text_encoder=DIR"), "{wrong}");
    }
}
