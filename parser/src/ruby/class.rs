//! The classes and modules that programs may name.

/// Declares [`Class`]: each class with its name in Ruby and what it derives from.
macro_rules! classes {
    ($($Class:ident $name:literal < $Parent:ident),* $(,)?) => {
        /// A class or module.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(clippy::enum_variant_names, reason = "Ruby's names")]
        pub(crate) enum Class { $($Class),* }

        impl Class {
            /// The class of that name.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Class::$Class),)* _ => None }
            }

            /// Its name.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Class::$Class => $name),* }
            }

            /// What it derives from; `Object` derives from itself.
            pub(crate) fn parent(self) -> Self {
                match self { $(Class::$Class => Class::$Parent),* }
            }

            /// The names of all of them.
            pub(crate) fn names() -> impl Iterator<Item = &'static str> {
                [$($name),*].into_iter()
            }
        }
    };
}

classes! {
    Object "Object" < Object,
    NilClass "NilClass" < Object,
    TrueClass "TrueClass" < Object,
    FalseClass "FalseClass" < Object,
    Comparable "Comparable" < Object,
    Enumerable "Enumerable" < Object,
    Kernel "Kernel" < Object,
    Numeric "Numeric" < Object,
    Integer "Integer" < Numeric,
    Fixnum "Fixnum" < Numeric,
    Float "Float" < Numeric,
    BigDecimal "BigDecimal" < Numeric,
    String "String" < Object,
    Symbol "Symbol" < Object,
    Array "Array" < Object,
    Hash "Hash" < Object,
    Range "Range" < Object,
    Regexp "Regexp" < Object,
    MatchData "MatchData" < Object,
    Proc "Proc" < Object,
    Time "Time" < Object,
    Date "Date" < Object,
    DateTime "DateTime" < Date,
    Set "Set" < Object,
    Uri "URI" < Object,
    Cgi "CGI" < Object,
    IpAddr "IPAddr" < Object,
    Csv "CSV" < Object,
    Marshal "Marshal" < Object,
    File "File" < Object,
    Enumerator "Enumerator" < Object,
    Module "Module" < Object,
    Math "Math" < Object,
    Json "JSON" < Object,
    LogstashJson "LogStash::Json" < Object,
    Base64 "Base64" < Object,
    Digest "Digest" < Object,
    Md5 "Digest::MD5" < Digest,
    Sha1 "Digest::SHA1" < Digest,
    Sha256 "Digest::SHA256" < Digest,
    Sha384 "Digest::SHA384" < Digest,
    Sha512 "Digest::SHA512" < Digest,
    SecureRandom "SecureRandom" < Object,
    Socket "Socket" < Object,
    Env "ENV" < Object,
    LogstashEvent "LogStash::Event" < Object,
    LogstashTimestamp "LogStash::Timestamp" < Object,
    Exception "Exception" < Object,
    NoMemoryError "NoMemoryError" < Exception,
    SystemStackError "SystemStackError" < Exception,
    ScriptError "ScriptError" < Exception,
    LoadError "LoadError" < ScriptError,
    NotImplementedError "NotImplementedError" < ScriptError,
    StandardError "StandardError" < Exception,
    ArgumentError "ArgumentError" < StandardError,
    UncaughtThrowError "UncaughtThrowError" < ArgumentError,
    EncodingError "EncodingError" < StandardError,
    UndefinedConversionError "Encoding::UndefinedConversionError" < EncodingError,
    InvalidByteSequenceError "Encoding::InvalidByteSequenceError" < EncodingError,
    CompatibilityError "Encoding::CompatibilityError" < EncodingError,
    IndexError "IndexError" < StandardError,
    KeyError "KeyError" < IndexError,
    StopIteration "StopIteration" < IndexError,
    IoError "IOError" < StandardError,
    SystemCallError "SystemCallError" < StandardError,
    LocalJumpError "LocalJumpError" < StandardError,
    NameError "NameError" < StandardError,
    NoMethodError "NoMethodError" < NameError,
    RangeError "RangeError" < StandardError,
    FloatDomainError "FloatDomainError" < RangeError,
    RegexpError "RegexpError" < StandardError,
    RuntimeError "RuntimeError" < StandardError,
    FrozenError "FrozenError" < RuntimeError,
    TypeError "TypeError" < StandardError,
    ZeroDivisionError "ZeroDivisionError" < StandardError,
    DateError "Date::Error" < ArgumentError,
    InvalidUriError "URI::InvalidURIError" < StandardError,
    InvalidAddressError "IPAddr::InvalidAddressError" < ArgumentError,
    MalformedCsvError "CSV::MalformedCSVError" < RuntimeError,
    JsonParserError "JSON::ParserError" < StandardError,
    LogstashJsonParserError "LogStash::Json::ParserError" < StandardError,
    GeneratorError "JSON::GeneratorError" < StandardError,
    LogstashError "LogStash::Error" < StandardError,
    TimestampParserError "LogStash::TimestampParserError" < StandardError,
    JavaException "Java::JavaLang::Exception" < StandardError,
}

impl Class {
    /// Whether instances of this class are instances of `other`.
    pub(crate) fn is_a(self, other: Class) -> bool {
        if other == Class::Object || (other == Class::Kernel && self != Class::Module) {
            return true;
        }
        let mut class = self;
        loop {
            if class == other || class.includes(other) {
                return true;
            }
            if class == Class::Object {
                return false;
            }
            class = class.parent();
        }
    }

    fn includes(self, module: Class) -> bool {
        match module {
            Class::Comparable => matches!(
                self,
                Class::Numeric | Class::String | Class::Time | Class::Date
            ),
            Class::Enumerable => matches!(
                self,
                Class::Array | Class::Hash | Class::Range | Class::Enumerator | Class::Set
            ),
            Class::Fixnum => self == Class::Integer,
            _ => false,
        }
    }

    pub(crate) fn is_exception(self) -> bool {
        self.is_a(Class::Exception)
    }
}
