//! Class lists: which classes, in which order, and what each is called in a prompt.

use super::class_labels::whole_number;
use crate::store::file_stem;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Class {
    /// The key that samples carry as their label.
    pub key: String,
    /// What it is called in a prompt.
    pub prompt: String,
    /// What it is a kind of, for prompts that say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supercategory: Option<String>,
}

impl Class {
    /// The prompt that `template` makes: `{name}`, `{supercategory}` and `{key}` are replaced.
    pub fn prompt_by(&self, template: &str) -> String {
        // In one pass: a name may hold braces itself.
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let known = [
                ("{name}", self.prompt.as_str()),
                ("{supercategory}", self.supercategory.as_deref().unwrap_or_default()),
                ("{key}", self.key.as_str()),
            ];
            let (word, value) =
                known.into_iter().find(|(word, _)| rest.starts_with(word)).unwrap_or(("{", "{"));
            text.push_str(value);
            rest = &rest[word.len()..];
        }
        text + rest
    }
}

/// Whether a class key, escaped and with a rank and an extension, fits into a tar member's name of 100 bytes.
pub fn key_fits(key: &str) -> bool {
    file_stem(key).len() <= 80
}

/// Why a class list can't be used; each names the line.
#[derive(Debug, thiserror::Error)]
pub enum ClassListError {
    /// The file could not be read.
    #[error("cannot read the class list {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("{path}:{line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// No class in it.
    #[error("{path} lists no class: write one a line, as `key, prompt`")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Classes in the order of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassList {
    classes: Vec<Class>,
    places: HashMap<String, usize>,
    /// Keys that are no whole numbers.
    odd: usize,
}

impl ClassList {
    /// Reads the list at `path`: `key, prompt` or `key, prompt | supercategory` a line; without a comma the
    /// key is the prompt; `#` starts a comment.
    ///
    /// # Errors
    /// If it can't be read, lists nothing, or has a key twice.
    pub fn load(path: &Path) -> Result<Self, ClassListError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ClassListError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ClassListError> {
        let mut list = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, prompt) =
                line.split_once(',').map_or((line, line), |(k, p)| (k.trim(), p.trim()));
            let wrong = |message: String| ClassListError::Line {
                path: path.to_owned(),
                line: number + 1,
                message,
            };
            if key.is_empty() || prompt.is_empty() {
                return Err(wrong(format!("`{line}` is not of the form `key, prompt`")));
            }
            if !key_fits(key) {
                return Err(wrong(format!("the class key `{key}` is too long for a file name")));
            }
            if list.places.contains_key(key) {
                return Err(wrong(format!("the class `{key}` is listed twice")));
            }
            match prompt.split_once('|').map(|(name, above)| (name.trim(), above.trim())) {
                None => list.push(key, prompt, None),
                Some((name, above)) if !name.is_empty() && !above.is_empty() => {
                    list.push(key, name, Some(above));
                }
                Some(_) => {
                    let form = "`key, prompt | supercategory`";
                    return Err(wrong(format!("`{line}` is not of the form {form}")));
                }
            }
        }
        if list.classes.is_empty() {
            return Err(ClassListError::Empty { path: path.to_owned() });
        }
        Ok(list)
    }

    /// A list of `keys` that are their own prompts: what a data set without a class list has.
    pub fn from_keys<'a>(keys: impl IntoIterator<Item = &'a String>) -> Self {
        let mut list = Self::default();
        for key in keys {
            list.push(key, key, None);
        }
        list
    }

    fn push(&mut self, key: &str, prompt: &str, supercategory: Option<&str>) {
        self.places.insert(key.to_owned(), self.classes.len());
        self.odd += usize::from(whole_number(key).is_none());
        self.classes.push(Class {
            key: key.to_owned(),
            prompt: prompt.to_owned(),
            supercategory: supercategory.map(str::to_owned),
        });
    }

    /// The classes in order.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Where `key` stands in the list.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// Whether labels are the keys: all of them are whole numbers.
    pub fn labels_are_keys(&self) -> bool {
        self.odd == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClassList, String> {
        ClassList::parse(text, Path::new("c.txt")).map_err(|e| e.to_string())
    }

    #[test]
    fn keys_prompts_and_labels() {
        let list = parse("# birds\nn01514668, cock\n\n n01514859 , hen, brood\n").unwrap();
        assert_eq!(
            list.classes()[1],
            Class { key: "n01514859".into(), prompt: "hen, brood".into(), supercategory: None }
        );
        assert_eq!((list.position("n01514668"), list.position("x")), (Some(0), None));
        assert_eq!(list.label(1), "1");
        assert_eq!(parse("7, seven\n3, three\n").unwrap().label(0), "7");
    }

    #[test]
    fn prompts_are_made_from_templates_in_one_pass() {
        let list = parse("n1, {key} hen | bird\nn2, cock\n").unwrap();
        let [hen, cock] = list.classes() else { panic!() };
        assert_eq!(
            hen.prompt_by("a photo of a {name}, {supercategory}"),
            "a photo of a {key} hen, bird"
        );
        assert_eq!(cock.prompt_by("{key}: {nam} {name}{"), "n2: {nam} cock{");
        assert!(parse("a, b |\n").unwrap_err().contains("supercategory"));
    }

    #[test]
    fn wrong_lines_are_named() {
        assert!(parse("a, b\na, c\n").unwrap_err().starts_with("c.txt:2: the class `a`"));
        assert!(parse("a,\n").unwrap_err().starts_with("c.txt:1:"));
        assert!(parse("# nothing\n").unwrap_err().contains("lists no class"));
    }
}
