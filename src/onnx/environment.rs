//! The Python environment that the program was installed into, by where its file lies: no interpreter is started.

use std::path::{Path, PathBuf};

/// What a wheel of this program leaves beside its module: `coda_pipe-0.1.0.dist-info`.
const INSTALLED: (&str, &str) = ("coda_pipe-", ".dist-info");

/// Where an environment says that it is one: of `venv`, `virtualenv` and uv, and of conda.
const MARKS: [&str; 2] = ["pyvenv.cfg", "conda-meta"];

/// The environment of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its folders of packages, best first; none where the program lies in no environment.
    pub packages: Vec<PathBuf>,
    /// Its folder of system libraries, where conda puts them.
    pub libraries: Option<PathBuf>,
    /// Whether the program came with a wheel.
    pub by_wheel: bool,
}

impl Environment {
    /// The environment of a program in the folder `programs`, `PREFIX/bin`.
    ///
    /// Packages lie in `PREFIX/lib*/python3*/site-packages`, Debian's in `dist-packages`, and in PREFIX itself after
    /// `pip install --target PREFIX`. Where nothing says that PREFIX is an environment, only the folder counts that this
    /// program's wheel was installed into: `/usr/local/bin/coda-pipe` is no Python program because Python lies there too.
    pub fn of(programs: &Path) -> Self {
        let Some(prefix) = programs.parent() else { return Self::default() };
        let mut packages = folders_of_packages(prefix);
        packages.push(prefix.to_path_buf());
        let (ours, others): (Vec<PathBuf>, Vec<PathBuf>) =
            packages.into_iter().partition(|folder| has_our_wheel(folder));
        let by_wheel = !ours.is_empty();
        let marked = MARKS.iter().any(|mark| prefix.join(mark).exists());
        let others = others.into_iter().filter(|folder| marked && folder.as_path() != prefix);
        let conda = prefix.join(MARKS[1]).is_dir().then(|| prefix.join("lib"));
        Self { packages: ours.into_iter().chain(others).collect(), libraries: conda, by_wheel }
    }
}

/// Folders of packages below `prefix`, those of the newest Python first.
fn folders_of_packages(prefix: &Path) -> Vec<PathBuf> {
    let pythons = ["lib", "lib64"].into_iter().flat_map(|lib| entries(&prefix.join(lib)));
    let mut found: Vec<(Option<u32>, PathBuf)> = pythons
        .filter_map(|(name, path)| {
            let version = name.strip_prefix("python3")?;
            Some((version.strip_prefix('.').and_then(minor), path))
        })
        .flat_map(|(version, python)| {
            ["site-packages", "dist-packages"].map(|name| (version, python.join(name)))
        })
        .filter(|(_, folder)| folder.is_dir())
        .collect();
    found.sort_by(|(a, left), (b, right)| b.cmp(a).then_with(|| left.cmp(right)));
    // `lib64` is often a link to `lib`.
    let mut seen = Vec::new();
    found.retain(|(_, folder)| {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let new = !seen.contains(&real);
        seen.push(real);
        new
    });
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The number of `13`, and of `13t`, Python without its global lock.
fn minor(version: &str) -> Option<u32> {
    version.trim_end_matches('t').parse().ok()
}

fn has_our_wheel(folder: &Path) -> bool {
    let (begins, ends) = INSTALLED;
    entries(folder).any(|(name, _)| name.starts_with(begins) && name.ends_with(ends))
}

/// Names and paths in a folder; none where it can't be read.
fn entries(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The environment of `PREFIX/bin` where `folders` are, packages relative to PREFIX.
    fn environment(folders: &[&str]) -> (Vec<String>, Option<String>, bool) {
        let root = tempfile::tempdir().unwrap();
        let prefix = root.path().join("prefix");
        for folder in folders.iter().chain(&["bin"]) {
            fs::create_dir_all(prefix.join(folder)).unwrap();
        }
        let found = Environment::of(&prefix.join("bin"));
        let relative = |path: &PathBuf| path.strip_prefix(&prefix).unwrap().display().to_string();
        let packages = found.packages.iter().map(relative).collect();
        (packages, found.libraries.as_ref().map(relative), found.by_wheel)
    }

    fn packages(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_environment_says_what_it_is_and_a_wheel_where_it_lies() {
        let site = "lib/python3.12/site-packages";
        let venv = environment(&["pyvenv.cfg", site]);
        assert_eq!(venv, (packages(&[site]), None, false));
        let ours = format!("{site}/coda_pipe-0.1.0.dist-info");
        assert_eq!(environment(&["pyvenv.cfg", &ours]), (packages(&[site]), None, true));
        let conda = environment(&["conda-meta", &ours]);
        assert_eq!(conda, (packages(&[site]), Some("lib".to_owned()), true));
        // `pip install --user` and `--prefix`: the folder of the wheel alone.
        let other = "lib/python3.13/site-packages";
        assert_eq!(environment(&[&ours, other]), (packages(&[site]), None, true));
        // `pip install --target`.
        assert_eq!(environment(&["coda_pipe-1.dist-info"]), (packages(&[""]), None, true));
        // Fedora's and Debian's folders.
        for site in ["lib64/python3.14t/site-packages", "lib/python3/dist-packages"] {
            let ours = format!("{site}/coda_pipe-0.1.0.dist-info");
            assert_eq!(environment(&[&ours]), (packages(&[site]), None, true));
        }
    }

    #[test]
    fn a_program_beside_a_python_is_not_its_own() {
        assert_eq!(
            environment(&["lib/python3.11/site-packages/onnxruntime"]),
            (vec![], None, false)
        );
        let other = "lib/python3.11/site-packages/coda_piper-1.dist-info";
        assert_eq!(environment(&[other]), (vec![], None, false));
        assert_eq!(Environment::of(Path::new("/")), Environment::default());
    }

    #[test]
    fn the_newest_python_comes_first_and_a_link_to_a_folder_is_that_folder() {
        let root = tempfile::tempdir().unwrap();
        for version in ["3.9", "3.13", "3.10"] {
            let site = root.path().join(format!("lib/python{version}/site-packages"));
            fs::create_dir_all(site).unwrap();
        }
        fs::create_dir_all(root.path().join("pyvenv.cfg")).unwrap();
        std::os::unix::fs::symlink("lib", root.path().join("lib64")).unwrap();
        let found = Environment::of(&root.path().join("bin"));
        let versions =
            [13, 10, 9].map(|minor| root.path().join(format!("lib/python3.{minor}/site-packages")));
        assert_eq!(found.packages, versions);
    }
}
