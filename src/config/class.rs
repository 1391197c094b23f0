//! A class: its key in the data, and what it is called in a prompt.

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
