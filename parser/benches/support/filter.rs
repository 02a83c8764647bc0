//! A filter section for a benchmark.

use kelp_parser::config::{ParseOptions, Severity, SourceMap, parse};
use kelp_parser::filter::BuildContext;
use kelp_parser::pipeline::Pipeline;
use kelp_parser::spec::EcsCompatibility;

/// Compiles what stands in `filter { }`.
///
/// # Panics
/// When it has errors.
pub fn compile(filter: &str) -> Pipeline {
    let mut sources = SourceMap::default();
    sources.add("bench.conf", format!("filter {{ {filter} }}"));
    let (config, mut diagnostics) = parse(&sources, &ParseOptions::default());
    let context = BuildContext::new(EcsCompatibility::default());
    let pipeline = Pipeline::compile(&config, &context, &mut diagnostics);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{filter}: {errors:?}");
    pipeline
}
