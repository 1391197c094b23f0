//! Graphs that were optimised for a card, and are to run on the CPU.

use super::unopened::graphs;
use super::{Problem, Unusable};
use crate::models::components::ModelPaths;
use crate::models::folder::{ModelFolder, Purpose};
use crate::onnx::kernels::beyond_cpu;

const REMEDY: &str = "run it on a card: devices = \"cuda\" in [runtime] (--device cuda); or take a plain export, which \
    coda-pipe model export and optimum-cli export onnx make (docs/models.md)";
/// Operators that a message names.
const MOST_NAMED: usize = 3;

/// The graphs of `model` that `purpose` needs and the CPU can't run. Folders that can't be read have none: other checks
/// say so.
pub fn needs_card(model: impl Into<ModelPaths>, purpose: Purpose) -> Vec<Problem> {
    let Ok(folder) = ModelFolder::open_for(model.into(), purpose) else { return Vec::new() };
    let mut found = Vec::new();
    for (_, file) in graphs(&folder, purpose) {
        let operators = beyond_cpu(file).unwrap_or_default();
        if !operators.is_empty() {
            let what = format!(
                "it was optimised for a card: ONNX Runtime has no kernel for the CPU of {}",
                named(&operators)
            );
            found.push(Problem { file: file.to_path_buf(), what, remedy: REMEDY.to_owned() });
        }
    }
    found
}

/// Refuses a model that the CPU can't run.
///
/// # Errors
/// Each graph with the operators at fault.
pub fn refuse_on_cpu(model: impl Into<ModelPaths>, purpose: Purpose) -> Result<(), Unusable> {
    let paths = model.into();
    let root = paths.root().to_path_buf();
    let problems = needs_card(paths, purpose);
    if problems.is_empty() { Ok(()) } else { Err(Unusable { root, problems }) }
}

fn named(operators: &[String]) -> String {
    let named = operators.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match operators.len().saturating_sub(MOST_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_some_and_counts_the_rest() {
        let all: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(named(&all[..1]), "a");
        assert_eq!(named(&all[..3]), "a, b, c");
        assert_eq!(named(&all), "a, b, c and 2 more");
    }
}
