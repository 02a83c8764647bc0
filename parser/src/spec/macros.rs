//! The macros that declare options.

/// Declares the options of a plugin as a struct.
///
/// The struct's documentation is the plugin's, that of a field is the option's. A field without a
/// default is required, unless its type is an `Option`, which is then absent. A default is written
/// as the configuration would write it.
///
/// ```
/// kelp_parser::plugin_options! {
///     /// Decodes percent-encoded text in fields.
///     pub struct UrldecodeOptions for Filter "urldecode" {
///         /// The field to decode.
///         pub field: kelp_parser::event::FieldRef<'static> = "message",
///         /// Decode every field that holds a string.
///         pub all_fields: bool = false,
///     }
/// }
/// ```
#[macro_export]
macro_rules! plugin_options {
    (
        $(#[doc = $plugin_doc:literal])*
        $vis:vis struct $Options:ident for $kind:ident $plugin:literal {
            $(
                $(#[doc = $doc:literal])*
                $field_vis:vis $field:ident : $type:ty $(= $default:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $plugin_doc])*
        #[derive(Debug)]
        $vis struct $Options {
            $( $(#[doc = $doc])* $field_vis $field: $type, )*
        }

        impl $crate::spec::PluginOptions for $Options {
            const SPEC: $crate::spec::PluginSpec = $crate::spec::PluginSpec {
                kind: $crate::spec::PluginKind::$kind,
                name: $plugin,
                doc: concat!($($plugin_doc, "\n"),*),
                options: &[$(
                    $crate::spec::OptionSpec {
                        name: $crate::spec::option_name(stringify!($field)),
                        takes: <$type as $crate::spec::OptionType>::TAKES,
                        doc: concat!($($doc, "\n"),*),
                        default: $crate::plugin_options!(@text $($default)?),
                        required: $crate::plugin_options!(@required $type $(, $default)?),
                    },
                )*],
            };

            fn read(settings: &mut $crate::spec::Settings<'_>) -> Option<Self> {
                $(
                    let $field = match settings.take::<$type>(
                        $crate::spec::option_name(stringify!($field)),
                    ) {
                        $crate::spec::Taken::Value(value) => Some(value),
                        $crate::spec::Taken::Invalid => None,
                        $crate::spec::Taken::Absent => {
                            $crate::plugin_options!(@absent settings, $field, $type $(, $default)?)
                        }
                    };
                )*
                settings.refuse_unknown(&Self::SPEC);
                Some(Self { $( $field: $field?, )* })
            }
        }
    };
    (@text) => { None };
    (@text $default:expr) => { Some(stringify!($default)) };
    (@required $type:ty) => { <$type as $crate::spec::OptionType>::REQUIRED };
    (@required $type:ty, $default:expr) => { false };
    (@absent $settings:ident, $field:ident, $type:ty) => {
        match <$type as $crate::spec::OptionType>::absent() {
            Some(absent) => Some(absent),
            None => {
                $settings.report_missing($crate::spec::option_name(stringify!($field)));
                None
            }
        }
    };
    (@absent $settings:ident, $field:ident, $type:ty, $default:expr) => {
        Some(<$type as $crate::spec::OptionDefault<_>>::from_default($default))
    };
}

/// Declares an option that takes one of a few words.
///
/// ```
/// kelp_parser::plugin_choice! {
///     /// What to do with a duplicate.
///     pub enum OnDuplicate {
///         /// Keep the first.
///         First = "first",
///         /// Keep the last.
///         Last = "last",
///     }
/// }
/// ```
#[macro_export]
macro_rules! plugin_choice {
    (
        $(#[doc = $enum_doc:literal])*
        $vis:vis enum $Choice:ident {
            $( $(#[doc = $doc:literal])* $Variant:ident = $word:literal ),* $(,)?
        }
    ) => {
        $(#[doc = $enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $Choice {
            $( $(#[doc = $doc])* $Variant, )*
        }

        impl $crate::spec::OptionType for $Choice {
            const TAKES: &'static str = concat!("one of", $(" `", $word, "`"),*);

            fn read(
                value: &$crate::config::ast::Spanned<$crate::config::ast::Literal>,
                settings: &mut $crate::spec::Settings<'_>,
            ) -> Option<Self> {
                let text = settings.single_text(value, Self::TAKES)?;
                match text.as_str() {
                    $( $word => Some(Self::$Variant), )*
                    other => {
                        settings.report_choice(value.span, other, &[$($word),*]);
                        None
                    }
                }
            }
        }

        impl $crate::spec::OptionDefault<&str> for $Choice {
            fn from_default(default: &str) -> Self {
                match default {
                    $( $word => Self::$Variant, )*
                    other => unreachable!("`{other}` is no choice"),
                }
            }
        }
    };
}

/// The option's name: a field named by a keyword is written `r#match`.
#[doc(hidden)]
pub const fn option_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}
