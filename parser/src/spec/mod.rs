//! The one declaration of a plugin's options.
//!
//! [`plugin_options!`](crate::plugin_options) declares a plugin's options as one documented, typed
//! struct. From that come reading and validating its settings with errors that point at the text,
//! all of Logstash's leniency about types ([`OptionType`]), and the reference documentation
//! ([`PluginSpec`]). Inputs, filters, codecs and outputs all use it.

mod history;
mod java_order;
mod macros;
mod repeated;
mod settings;
mod types;

pub use history::{FormerOption, Standing, former_option, former_options};
#[doc(hidden)]
pub use macros::option_name;
pub(crate) use repeated::{item_text, pair_text};
pub use settings::{Settings, Taken};
pub use types::{
    Any, CodecName, FieldName, OptionDefault, OptionType, Pairs, Password, PositiveInt, string_of,
};

/// Everything the documentation says about a plugin.
#[derive(Debug)]
pub struct PluginSpec {
    /// Input, filter, output or codec.
    pub kind: PluginKind,
    /// The name in a configuration.
    pub name: &'static str,
    /// What it does; Markdown, the first line stands alone.
    pub doc: &'static str,
    /// Its own options; the common ones of its kind are not among them.
    pub options: &'static [OptionSpec],
}

/// What kind of plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PluginKind {
    /// Where events come from.
    Input,
    /// What changes events.
    Filter,
    /// Where events go.
    Output,
    /// How bytes become events and events bytes.
    Codec,
}

impl PluginKind {
    /// As messages and the documentation name it.
    pub fn name(self) -> &'static str {
        match self {
            PluginKind::Input => "input",
            PluginKind::Filter => "filter",
            PluginKind::Output => "output",
            PluginKind::Codec => "codec",
        }
    }
}

/// One option of a plugin.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name in a configuration.
    pub name: &'static str,
    /// What it takes, as the documentation names it.
    pub takes: &'static str,
    /// What it does; Markdown.
    pub doc: &'static str,
    /// Its default as it would be written; none where the option is required or has no default.
    pub default: Option<&'static str>,
    /// Whether a configuration without it is refused.
    pub required: bool,
}

/// The typed options of one plugin. Implemented by [`plugin_options!`](crate::plugin_options).
pub trait PluginOptions: Sized {
    /// What the documentation says about the plugin.
    const SPEC: PluginSpec;

    /// Reads the options; `None` after at least one error was reported to `settings`.
    fn read(settings: &mut Settings<'_>) -> Option<Self>;
}

/// Which names and shapes the fields have that plugins make
/// (source: `ecs_compatibility` of Logstash's plugins; `v8` is its default since 8.0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EcsCompatibility {
    /// Names from before the Elastic Common Schema.
    Disabled,
    /// ECS 1.
    V1,
    /// ECS 8.
    #[default]
    V8,
}

impl EcsCompatibility {
    /// The mode of that name in a configuration.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "disabled" => Some(Self::Disabled),
            "v1" => Some(Self::V1),
            "v8" => Some(Self::V8),
            _ => None,
        }
    }

    /// How settings write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::V1 => "v1",
            Self::V8 => "v8",
        }
    }

    /// Whether fields have ECS names.
    pub fn is_enabled(self) -> bool {
        self != Self::Disabled
    }
}
