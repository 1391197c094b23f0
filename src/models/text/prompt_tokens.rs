//! Prompts as a model's text encoders will see them, before any of these is opened.

use std::collections::BTreeMap;

use super::part_tokens::PartTokens;
use super::tokenizer::Cut;
use crate::models::error::DiffusionError;
use crate::models::folder::ModelFolder;

/// Prompts named in one warning.
const NAMED: usize = 8;
/// Letters shown of what is cut off.
const SHOWN: usize = 60;

/// The tokenizers of a model.
pub struct PromptTokens {
    tokenizers: Vec<PartTokens>,
}

impl PromptTokens {
    /// Opens the tokenizers of a model folder.
    ///
    /// # Errors
    /// The tokenizer's file at fault.
    pub fn open(folder: &ModelFolder) -> Result<Self, DiffusionError> {
        let tokenizers = folder.text.iter().map(PartTokens::open).collect::<Result<_, _>>()?;
        Ok(Self { tokenizers })
    }

    /// What of `prompt` is cut off, with the kind of text encoder that doesn't see it: at most once a kind.
    ///
    /// # Errors
    /// Of the tokenizers.
    pub fn cuts(&self, prompt: &str) -> Result<Vec<(&'static str, Cut)>, DiffusionError> {
        let mut found: Vec<(&'static str, Cut)> = Vec::new();
        for tokenizer in &self.tokenizers {
            let kind = tokenizer.role.kind.name();
            let Some(cut) = tokenizer.cut(prompt)? else { continue };
            match found.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) if known.rest.len() < cut.rest.len() => *known = cut,
                Some(_) => {}
                None => found.push((kind, cut)),
            }
        }
        Ok(found)
    }

    /// What is to be known of `prompts`, each with whose it is ("class n01440764"), in sentences: which are cut off, and
    /// which are the same to the model.
    ///
    /// # Errors
    /// Of the tokenizers.
    pub fn warnings<'a>(
        &self,
        prompts: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Vec<String>, DiffusionError> {
        let (mut long, mut alike) = (Vec::new(), BTreeMap::<Vec<i64>, Vec<&str>>::new());
        for (whose, prompt) in prompts {
            let cuts = self.cuts(&prompt)?;
            long.extend(cuts.into_iter().map(|(kind, cut)| (kind, (whose, cut))));
            let mut ids = Vec::new();
            for tokenizer in &self.tokenizers {
                ids.extend(tokenizer.prompt(&prompt)?.ids);
            }
            alike.entry(ids).or_default().push(whose);
        }
        let mut said = Vec::new();
        if self.tokenizers.is_empty() {
            return Ok(said);
        }
        let mut kinds: Vec<&str> = self.tokenizers.iter().map(|one| one.role.kind.name()).collect();
        kinds.dedup();
        for kind in &kinds {
            let cut = long.iter().filter(|(known, _)| known == kind);
            let cut: Vec<&(&str, Cut)> = cut.map(|(_, cut)| cut).collect();
            let who =
                if kinds.len() > 1 { format!("encoder {kind}") } else { "encoder".to_owned() };
            said.extend(too_long(&who, &cut));
        }
        let mut groups: Vec<&Vec<&str>> = alike.values().filter(|whose| whose.len() > 1).collect();
        groups.sort();
        if !groups.is_empty() {
            let shown: Vec<String> = groups.iter().take(NAMED).map(|whose| listed(whose)).collect();
            let more = if groups.len() > NAMED { "; …" } else { "" };
            said.push(format!(
                "prompts of different classes are the same to the model, token by token: {}{more}; their images differ by \
                 core and seed alone",
                shown.join("; ")
            ));
        }
        Ok(said)
    }
}

/// Which prompts the text `encoder` sees the beginning of alone.
fn too_long(encoder: &str, long: &[&(&str, Cut)]) -> Option<String> {
    let limit = long.first()?.1.limit;
    let named = long.iter().take(NAMED).map(|(whose, cut)| about(whose, cut));
    let more = long.len().saturating_sub(NAMED);
    Some(format!(
        "{} too long: the text {encoder} takes {limit} tokens, and the rest is cut off: {}{}",
        if long.len() == 1 { "a prompt is" } else { "prompts are" },
        named.collect::<Vec<_>>().join("; "),
        if more > 0 { format!("; and {more} more") } else { String::new() }
    ))
}

/// `class 3 (93 tokens, without "…")`.
fn about(whose: &str, cut: &Cut) -> String {
    let mut rest: String = cut.rest.chars().take(SHOWN).collect();
    if rest.len() < cut.rest.len() {
        rest.push('…');
    }
    let (used, tokens) = (cut.limit, cut.tokens);
    format!("{whose} ({used} of {tokens} tokens are used, cut off is {rest:?})")
}

fn listed(whose: &[&str]) -> String {
    let more = if whose.len() > NAMED { ", …" } else { "" };
    whose[..whose.len().min(NAMED)].join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::family::FAMILIES;
    use crate::models::text::Tokenizer;

    fn tokens(length: usize) -> PromptTokens {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("tokenizer_config.json", r#"{"bos_token": "[", "eos_token": "]"}"#);
        write("vocab.json", r#"{"a</w>": 0, "b</w>": 1, "c</w>": 2, "[": 3, "]": 4}"#);
        write("merges.txt", "#version: 0.2\n");
        let tokenizer = Tokenizer::open(dir.path(), length).unwrap();
        let role = &FAMILIES[0].text[0];
        PromptTokens { tokenizers: vec![PartTokens::of(tokenizer, role).unwrap()] }
    }

    #[test]
    fn what_is_cut_off_is_told_and_who_is_the_same_to_the_model() {
        let prompts = |texts: &[(&'static str, &str)]| {
            let prompts = texts.iter().map(|(whose, text)| (*whose, (*text).to_owned()));
            tokens(5).warnings(prompts.collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(prompts(&[("1", "a b c"), ("2", "a b a")]), Vec::<String>::new());
        let said = prompts(&[("1", "a B a b c"), ("2", "a b a c"), ("3", "c")]);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("takes 5 tokens"), "{}", said[0]);
        assert!(said[0].contains("1 (5 of 7 tokens are used, cut off is \"b c\")"), "{}", said[0]);
        assert!(said[0].contains("2 (5 of 6 tokens are used, cut off is \"c\")"), "{}", said[0]);
        assert!(said[1].contains("token by token: 1, 2;"), "{}", said[1]);
        let many: Vec<String> = (0..20).map(|_| "a b c a".to_owned()).collect();
        let said = tokens(5).warnings(many.into_iter().map(|prompt| ("x", prompt))).unwrap();
        assert!(said[0].contains("and 12 more") && said[1].contains(", …"), "{said:?}");
    }
}
