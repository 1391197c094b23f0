//! Names of labels: one a class, no two the same.

use super::set::ExportClass;
use std::collections::HashMap;

/// What each class is called, in the order of the labels; where several have one name, with their keys.
pub(super) fn label_names(classes: &[ExportClass]) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    classes.iter().for_each(|class| *counts.entry(&class.name).or_default() += 1);
    let alone = |class: &ExportClass| !class.name.is_empty() && counts[class.name.as_str()] == 1;
    let names: Vec<String> = classes
        .iter()
        .map(|class| match alone(class) {
            true => class.name.clone(),
            false => format!("{} ({})", class.name, class.key),
        })
        .collect();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    // Keys are distinct, whatever names look like.
    match distinct.len() == names.len() {
        true => names,
        false => classes.iter().map(|class| class.key.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_have_one_name() {
        let class = |key: &str, name: &str| ExportClass {
            key: key.into(),
            name: name.into(),
            number: 0,
            images: 1,
        };
        let names = label_names(&[class("a", "crane"), class("b", "crane"), class("c", "cat")]);
        assert_eq!(names, ["crane (a)", "crane (b)", "cat"]);
        let odd = [class("a", "x"), class("b", "x"), class("c", "x (a)")];
        assert_eq!(label_names(&odd), ["a", "b", "c"]);
    }
}
