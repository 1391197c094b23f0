//! Names of class folders.

use super::error::ExportError;
use super::set::ExportClass;
use crate::config::{ImageNetClass, imagenet_class, imagenet_classes, is_wordnet_id};
use crate::store::file_stem;
use std::collections::BTreeMap;

/// How class folders are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FolderNames {
    /// By class key.
    #[default]
    Key,
    /// By what the class is called in prompts.
    Name,
    /// By the label in the run's tars, with zeros in front.
    Number,
    /// By WordNet id.
    WordNet,
}

impl FolderNames {
    /// How it is given.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Name => "name",
            Self::Number => "number",
            Self::WordNet => "wordnet",
        }
    }
}

/// Bytes of a folder's name at most, as most file systems have it.
const LONGEST: usize = 255;

/// The folder of each class.
///
/// # Errors
/// [`ExportError::Folders`] where a class has no such name, or two classes have the same.
pub(super) fn folder_names(
    classes: &[ExportClass],
    names: FolderNames,
) -> Result<Vec<String>, ExportError> {
    let width = classes.iter().map(|class| class.number.to_string().len()).max().unwrap_or(1);
    let name = |class: &ExportClass| match names {
        FolderNames::Key => Ok(file_stem(&class.key)),
        FolderNames::Name => Ok(plain(&class.name)),
        FolderNames::Number => Ok(format!("{:0width$}", class.number)),
        FolderNames::WordNet => wordnet_id(class, classes.len()),
    };
    let folders: Vec<String> = classes.iter().map(name).collect::<Result<_, _>>()?;
    let mut seen: BTreeMap<String, &ExportClass> = BTreeMap::new();
    for (folder, class) in folders.iter().zip(classes) {
        if folder.is_empty() || folder.len() > LONGEST {
            return Err(refused(class, "has no name that a folder can have"));
        }
        // File systems of other systems don't tell `Crane` from `crane`.
        if let Some(other) = seen.insert(folder.to_lowercase(), class) {
            return Err(refused(class, &format!("and class `{}` would share a folder", other.key)));
        }
    }
    Ok(folders)
}

fn refused(class: &ExportClass, why: &str) -> ExportError {
    let ExportClass { key, name, .. } = class;
    ExportError::Folders(format!("class `{key}` ({name}) {why}: use --folders key or number"))
}

/// A name as a folder: a slash, control characters and dots in front become `_`.
fn plain(name: &str) -> String {
    let unfit = |c: char| c == '/' || c == '\\' || c.is_control();
    let name: String = name.trim().chars().map(|c| if unfit(c) { '_' } else { c }).collect();
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name,
    }
}

/// The WordNet id of a class: its key, or that of ImageNet's class of this number or name.
fn wordnet_id(class: &ExportClass, classes: usize) -> Result<String, ExportError> {
    let ExportClass { key, name, .. } = class;
    if is_wordnet_id(key) {
        return match imagenet_class(key) {
            Some(_) => Ok(key.clone()),
            None => Err(refused(class, "is no class of ImageNet-1K")),
        };
    }
    let all = imagenet_classes();
    if let Some(numbered) = key.parse().ok().and_then(|at: usize| all.get(at)) {
        // Ten digits are numbers too, and no fish.
        let unnamed = name == key && classes == all.len();
        return match unnamed || numbered.is_called(name) {
            true => Ok(numbered.id.to_owned()),
            false => {
                let why = format!("is not called as ImageNet's class {key}, {}", numbered.prompt);
                Err(refused(class, &why))
            }
        };
    }
    let called: Vec<&ImageNetClass> =
        all.iter().filter(|one| one.is_called(name) || one.is_called(key)).collect();
    match called.as_slice() {
        [one] => Ok(one.id.to_owned()),
        [] => Err(refused(class, "is no WordNet id and no name of a class of ImageNet-1K")),
        many => {
            let ids: Vec<&str> = many.iter().map(|one| one.id).collect();
            Err(refused(
                class,
                &format!("is a name of several ImageNet classes, {}", ids.join(", ")),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(key: &str, name: &str, number: i64) -> ExportClass {
        ExportClass { key: key.into(), name: name.into(), number, images: 1 }
    }

    fn names(classes: &[ExportClass], by: FolderNames) -> Result<Vec<String>, String> {
        folder_names(classes, by).map_err(|error| error.to_string())
    }

    #[test]
    fn folders_sort_as_the_labels_do() {
        let classes: Vec<_> =
            (0..12).map(|at| class(&format!("c{at}"), &format!("class {at}"), at)).collect();
        let numbers = names(&classes, FolderNames::Number).unwrap();
        assert_eq!((&numbers[0][..], &numbers[11][..]), ("00", "11"));
        let mut sorted = numbers.clone();
        sorted.sort();
        assert_eq!(sorted, numbers);
        assert_eq!(names(&classes, FolderNames::Key).unwrap()[3], "c3");
        assert_eq!(names(&classes, FolderNames::Name).unwrap()[3], "class 3");
    }

    #[test]
    fn no_folder_leads_elsewhere_and_none_is_shared() {
        let odd = [class("../a.b", "../a/b", 0), class("x", ".hidden", 1)];
        assert_eq!(names(&odd, FolderNames::Key).unwrap()[0], "%2e%2e%2fa%2eb");
        assert_eq!(
            names(&odd, FolderNames::Name).unwrap(),
            ["_./a/b".replace('/', "_"), "_hidden".into()]
        );
        let cranes = [class("n02012849", "crane", 0), class("n03126707", "Crane", 1)];
        let error = names(&cranes, FolderNames::Name).unwrap_err();
        assert!(error.contains("n03126707") && error.contains("--folders key"), "{error}");
        assert!(names(&cranes, FolderNames::Key).is_ok());
        let long = [class("a", &"x".repeat(300), 0)];
        assert!(names(&long, FolderNames::Name).is_err());
    }

    #[test]
    fn a_wordnet_id_is_never_guessed() {
        let of = |key: &str, name: &str| names(&[class(key, name, 0)], FolderNames::WordNet);
        assert_eq!(of("n02096294", "Australian terrier").unwrap(), ["n02096294"]);
        assert_eq!(of("0", "tench").unwrap(), ["n01440764"]);
        assert_eq!(of("goldfish", "goldfish").unwrap(), ["n01443537"]);
        for (key, name) in [("0", "zero"), ("7", "7"), ("n99999999", "x"), ("cat", "cat")] {
            let error = of(key, name).unwrap_err();
            assert!(error.contains("--folders key"), "{error}");
        }
        let all: Vec<_> = (0..1000).map(|at| class(&at.to_string(), &at.to_string(), at)).collect();
        assert_eq!(names(&all, FolderNames::WordNet).unwrap()[1], "n01443537");
    }
}
