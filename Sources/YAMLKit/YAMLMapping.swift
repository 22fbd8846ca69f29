import TextKit

/// A mapping whose keys are taken, each with its type. A key that was never taken is an error:
/// `finish()` refuses it and suggests the nearest one that was.
///
///     let config = try YAMLMapping.load("/etc/aibuild/coordinator.yml")
///     let port = try config.take("port", .int(1...65535), default: 9753)
///     let database = try config.takeIfPresent("database", .mapping)
///     let path = try database?.takeIfPresent("path", .string)
///     try config.finish()
///
/// A key without a value counts as not set.
public final class YAMLMapping {
    private let place: YAMLPlace
    private let node: YAMLNode
    private var entries: [String: YAMLEntry] = [:]
    private var asked: Set<String> = []
    private var inner: [YAMLMapping] = []

    /// The root of a document; an empty document is an empty mapping.
    public convenience init(_ node: YAMLNode, file: String) throws(YAMLError) {
        try self.init(node, YAMLPlace(file: file, key: ""))
    }

    public static func load(_ path: String) throws(YAMLError) -> YAMLMapping {
        try YAMLMapping(YAMLDocument.load(path), file: path)
    }

    /// Nothing is an empty mapping.
    init(_ node: YAMLNode, _ place: YAMLPlace) throws(YAMLError) {
        let empty = YAMLNode(.mapping([]), line: node.line, column: node.column)
        let node = node.isNull ? empty : node
        guard case .mapping(let entries) = node.content else {
            throw place.mismatch("a mapping", node)
        }
        self.node = node
        self.place = place
        for entry in entries { self.entries[entry.key] = entry }
    }

    /// The keys, with a value or without, sorted.
    public var keys: [String] { entries.keys.sorted() }

    /// The mapping with the entries of `defaults` for the keys that it does not have.
    /// - Parameters:
    ///   - united: of these keys, mappings in both are united in the same way.
    ///   - keys: of `defaults`, which are left out.
    public func completed(
        by defaults: YAMLMapping, uniting united: Set<String>, without keys: Set<String>
    ) throws(YAMLError) -> YAMLMapping {
        var all = defaults.entries.filter { !keys.contains($0.key) }
        for (name, entry) in entries {
            guard united.contains(name), case .mapping(let base)? = all[name]?.value.content,
                case .mapping(let own) = entry.value.content
            else {
                all[name] = entry
                continue
            }
            let names = Set(own.map(\.key))
            var entry = entry
            entry.value.content = .mapping(base.filter { !names.contains($0.key) } + own)
            all[name] = entry
        }
        let entries = all.values.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
        return try YAMLMapping(
            YAMLNode(.mapping(entries), line: node.line, column: node.column), place)
    }

    /// - Throws: `YAMLError` when the key is missing or its value is of another type.
    public func take<T>(_ key: String, _ type: YAMLType<T>) throws(YAMLError) -> T {
        guard let value = try takeIfPresent(key, type) else {
            let missing = place.inner(key).error(
                node, "\(YAMLError.missing); expected \(type.expected)")
            throw missing
        }
        return value
    }

    public func take<T>(
        _ key: String, _ type: YAMLType<T>, default fallback: T
    ) throws(YAMLError) -> T {
        try takeIfPresent(key, type) ?? fallback
    }

    public func takeIfPresent<T>(_ key: String, _ type: YAMLType<T>) throws(YAMLError) -> T? {
        asked.insert(key)
        guard let entry = entries[key], !entry.value.isNull else { return nil }
        let value = try type.read(entry.value, place.inner(key))
        note(value)
        return value
    }

    /// An error about a key's value, for rules that only the caller knows.
    public func error(_ key: String, _ message: String) -> YAMLError {
        place.inner(key).error(entries[key]?.value ?? node, message)
    }

    /// Refuses every key that was not taken, here and in the mappings that were taken from here.
    public func finish() throws(YAMLError) {
        try check(keys: asked)
        for mapping in inner { try mapping.finish() }
    }

    /// Refuses every key that is none of these. Called first, it tells a misspelled key before the
    /// one that was meant is missed.
    public func check(keys known: Set<String>) throws(YAMLError) {
        let unknown = entries.values.filter { !known.contains($0.key) }
            .min { ($0.line, $0.column) < ($1.line, $1.column) }
        guard let unknown else { return }
        let suggestion = Suggestion.nearest(to: unknown.key, in: known)
        let hint =
            suggestion.map { "; did you mean '\($0)'?" }
            ?? (known.isEmpty ? "" : "; known keys: " + known.sorted().joined(separator: ", "))
        throw YAMLError(
            file: place.file, line: unknown.line, column: unknown.column,
            key: place.inner(unknown.key).key, message: "is not known" + hint,
            suggestion: suggestion)
    }

    /// Remembers the mappings inside a value, which are finished with this one.
    private func note(_ value: Any) {
        switch value {
        case let mapping as YAMLMapping: inner.append(mapping)
        case let list as [YAMLMapping]: inner += list
        case let map as [String: YAMLMapping]:
            inner += map.values.sorted { $0.node.line < $1.node.line }
        default: break
        }
    }
}
