//! What the environment says of the hub, by the variables of Python's `huggingface_hub`.

use super::error::HubError;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ENDPOINT: &str = "https://huggingface.co";
/// A connection that brings nothing for so long is given up and made anew, unless HF_HUB_DOWNLOAD_TIMEOUT is set.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Where the hub is, what it is asked with, and where its files are kept.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    /// The hub's URL, without a `/` at its end.
    pub(super) endpoint: String,
    /// The folder that holds `models--OWNER--NAME`.
    pub(super) cache: PathBuf,
    pub(super) token: Option<Token>,
    /// Whether nothing is asked of any server.
    pub(super) offline: bool,
    pub(super) timeout: Duration,
}

/// A token, which no message shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    text: String,
    /// Where it comes from, for messages.
    pub(super) source: String,
}

impl Token {
    /// The value of the header `authorization`.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(of {})", self.source)
    }
}

impl Environment {
    /// That of this process.
    ///
    /// # Errors
    /// If a variable has no usable value, or the token's file can't be read.
    pub(super) fn get() -> Result<Self, HubError> {
        Self::of(&|name| std::env::var_os(name))
    }

    fn of(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let home = set("HOME").map(PathBuf::from);
        let path =
            |name: &str| set(name).map(|value| below_home(Path::new(&value), home.as_deref()));
        let is_true = |name: &str| {
            let value = text(name).unwrap_or_default().to_uppercase();
            matches!(value.as_str(), "1" | "ON" | "YES" | "TRUE")
        };
        let caches = path("XDG_CACHE_HOME").or_else(|| Some(home.clone()?.join(".cache")));
        let own = path("HF_HOME").or_else(|| Some(caches?.join("huggingface")));
        let cache = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| Some(own.clone()?.join("hub")));
        let no_home = || HubError::wrong("no folder for what the hub sends: set HF_HOME or HOME");
        let token = match is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            true => None,
            false => {
                let file = path("HF_TOKEN_PATH").or_else(|| Some(own?.join("token")));
                token(&text, file.as_deref())?
            }
        };
        Ok(Self {
            endpoint: endpoint(text("HF_ENDPOINT"))?,
            cache: std::path::absolute(cache.ok_or_else(no_home)?).map_err(|error| {
                HubError::wrong(format!("the folder of HF_HUB_CACHE has no full path: {error}"))
            })?,
            token,
            offline: is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE"),
            timeout: timeout(text("HF_HUB_DOWNLOAD_TIMEOUT"))?,
        })
    }
}

fn endpoint(given: Option<String>) -> Result<String, HubError> {
    let Some(given) = given else { return Ok(ENDPOINT.to_owned()) };
    let url = given.trim().trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['@', '?', '#']) => Ok(url.to_owned()),
        _ => Err(HubError::wrong(
            "HF_ENDPOINT is no URL of a hub: it begins with https:// or http:// and has no user, query or fragment, such \
             as https://huggingface.co",
        )),
    }
}

fn timeout(given: Option<String>) -> Result<Duration, HubError> {
    let Some(given) = given else { return Ok(TIMEOUT) };
    match given.trim().parse::<u64>() {
        Ok(seconds) if (1..=86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(HubError::wrong(format!(
            "HF_HUB_DOWNLOAD_TIMEOUT must be a number of seconds, is `{given}`"
        ))),
    }
}

/// `~` as the home folder.
fn below_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn token(
    variable: &dyn Fn(&str) -> Option<String>,
    file: Option<&Path>,
) -> Result<Option<Token>, HubError> {
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
        if let Some(text) = variable(name) {
            return clean(&text, name.to_owned());
        }
    }
    let Some(file) = file else { return Ok(None) };
    match std::fs::read_to_string(file) {
        Ok(text) => clean(&text, file.display().to_string()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(HubError::new(
            error.kind(),
            format!("cannot read the hub's token in {}: {error}; set HF_TOKEN", file.display()),
        )),
    }
}

/// A token without white space around it; `None` for nothing.
fn clean(text: &str, source: String) -> Result<Option<Token>, HubError> {
    let text = text.trim();
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(HubError::wrong(format!(
            "the token in {source} has characters that no token has: copy it again from the hub's settings"
        )));
    }
    Ok((!text.is_empty()).then(|| Token { text: text.to_owned(), source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Environment, HubError> {
        let variables: Vec<(String, OsString)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        Environment::of(&|name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| of(variables).unwrap().cache;
        assert_eq!(cache(&[("HOME", "/h")]), Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(
            cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]),
            Path::new("/x/huggingface/hub")
        );
        assert_eq!(cache(&[("HOME", "/h"), ("HF_HOME", "~/f")]), Path::new("/h/f/hub"));
        assert_eq!(cache(&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "/c")]), Path::new("/c"));
        assert!(of(&[]).unwrap_err().to_string().contains("HF_HOME"));
    }

    #[test]
    fn a_token_is_clean_and_never_shown() {
        let found = of(&[("HOME", "/nowhere"), ("HF_TOKEN", " hf_secret\n")]).unwrap();
        assert_eq!(found.token.as_ref().unwrap().header(), "Bearer hf_secret");
        assert!(!format!("{found:?}").contains("hf_secret"));
        let wrong = of(&[("HOME", "/nowhere"), ("HF_TOKEN", "hf_se cret")]).unwrap_err();
        assert!(wrong.to_string().contains("HF_TOKEN") && !wrong.to_string().contains("cret"));
        let none =
            [("HOME", "/nowhere"), ("HF_TOKEN", "x"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")];
        assert_eq!(of(&none).unwrap().token, None);
    }

    #[test]
    fn a_token_comes_from_a_file_where_no_variable_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).unwrap().token, None);
        std::fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).unwrap().token.unwrap().header(), "Bearer hf_file");
        let elsewhere = folder.path().join("other");
        std::fs::write(&elsewhere, "hf_other").unwrap();
        let found =
            of(&[("HF_HOME", home), ("HF_TOKEN_PATH", elsewhere.to_str().unwrap())]).unwrap();
        assert_eq!(found.token.unwrap().header(), "Bearer hf_other");
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let with = |name, value| of(&[("HOME", "/h"), (name, value)]);
        assert_eq!(with("HF_ENDPOINT", "http://h:1/p/").unwrap().endpoint, "http://h:1/p");
        assert_eq!(with("HF_ENDPOINT", "").unwrap().endpoint, ENDPOINT);
        for (name, value) in [
            ("HF_ENDPOINT", "huggingface.co"),
            ("HF_ENDPOINT", "https://"),
            ("HF_ENDPOINT", "https://user:pw@h"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "soon"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "0"),
        ] {
            let error = with(name, value).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("pw"), "{error}");
        }
        assert!(with("HF_HUB_OFFLINE", "yes").unwrap().offline);
        assert!(!with("HF_HUB_OFFLINE", "0").unwrap().offline);
    }
}
