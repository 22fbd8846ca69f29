import CYAML

/// Builds the tree from libyaml's events, and stops at the first thing that is not allowed.
final class YAMLParser {
    private let bytes: [UInt8]
    private let file: String
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutablePointer<UInt8>
    private var nodeCount = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        input = .allocate(capacity: max(1, bytes.count))
        input.initialize(from: bytes, count: bytes.count)
        // Fails only if memory runs out, and then every later call returns an error.
        yaml_parser_initialize(parser)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// An empty document is a null.
    func document() throws(YAMLError) -> YAMLNode {
        _ = try next()  // the stream begins
        guard try next().kind == .documentStart else {
            return YAMLNode(.scalar("", isPlain: true), line: 1, column: 1)
        }
        let root = try node(try next(), depth: 1)
        _ = try next()  // the document ends
        let end = try next()
        guard end.kind == .streamEnd else {
            throw error(end, "a second document begins here; only one is allowed")
        }
        return root
    }

    private struct Event {
        enum Kind: Equatable {
            case streamStart, streamEnd, documentStart, documentEnd, sequenceEnd, mappingEnd
            case sequenceStart, mappingStart
            case scalar(String, isPlain: Bool)
            case alias(String)
        }

        var kind: Kind
        var tag: String?
        var line: Int
        var column: Int
    }

    private func node(_ event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
        if let tag = event.tag {
            throw error(event, "the tag \(tag.quoted) is not supported; remove it")
        }
        guard depth <= YAMLLimits.depth else {
            throw error(event, "nested more than \(YAMLLimits.depth) levels deep")
        }
        nodeCount += 1
        guard nodeCount <= YAMLLimits.nodes else {
            throw error(event, "the document has more than \(YAMLLimits.nodes) values")
        }
        let content: YAMLNode.Content
        switch event.kind {
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequenceStart: content = .sequence(try items(depth))
        case .mappingStart: content = .mapping(try entries(depth))
        case .alias(let name):
            throw error(
                event,
                "aliases such as \(("*" + name).quoted) are not supported; "
                    + "write the value out")
        default: throw error(event, "a value is missing here")
        }
        return YAMLNode(content, line: event.line, column: event.column)
    }

    private func items(_ depth: Int) throws(YAMLError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let event = try next()
            if event.kind == .sequenceEnd { return items }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private func entries(_ depth: Int) throws(YAMLError) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        var lineOfKey: [String: Int] = [:]
        while true {
            let event = try next()
            if event.kind == .mappingEnd { return entries }
            guard case .scalar(let key, _) = event.kind, event.tag == nil, !key.isEmpty else {
                throw error(event, "a key must be a plain word")
            }
            if let first = lineOfKey.updateValue(event.line, forKey: key) {
                throw error(event, "duplicate key \(key.quoted), first in line \(first)")
            }
            let value = try node(try next(), depth: depth + 1)
            entries.append(
                YAMLEntry(key: key, line: event.line, column: event.column, value: value))
        }
    }

    private func next() throws(YAMLError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&raw) }
        var tag: UnsafeMutablePointer<yaml_char_t>?
        let kind: Event.Kind
        switch raw.type {
        case YAML_STREAM_START_EVENT: kind = .streamStart
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            tag = raw.data.sequence_start.tag
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            tag = raw.data.mapping_start.tag
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            let text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length),
                as: UTF8.self)
            kind = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            tag = scalar.tag
        case YAML_ALIAS_EVENT:
            kind = .alias(raw.data.alias.anchor.map { String(cString: $0) } ?? "")
        default: kind = .streamEnd
        }
        return Event(
            kind: kind, tag: tag.map { String(cString: $0) }, line: Int(raw.start_mark.line) + 1,
            column: Int(raw.start_mark.column) + 1)
    }

    private func error(_ event: Event, _ message: String) -> YAMLError {
        YAMLError(file: file, line: event.line, column: event.column, message: message)
    }

    private func syntaxError() -> YAMLError {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "this is not YAML"
        if state.error == YAML_READER_ERROR {
            let place = Place(of: Int(state.problem_offset), in: bytes)
            return YAMLError(
                file: file, line: place.line, column: place.column, message: problem)
        }
        let mark = state.problem_mark
        let hasTab = line(Int(mark.line)).prefix(Int(mark.column) + 1).contains(0x09)
        let context = state.context.map { String(cString: $0) + ": " } ?? ""
        return YAMLError(
            file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1,
            message: context + problem
                + (hasTab ? "; this is a tab: indent with spaces" : ""))
    }

    private func line(_ index: Int) -> ArraySlice<UInt8> {
        let lines = bytes.split(
            separator: 0x0A, maxSplits: index + 1, omittingEmptySubsequences: false)
        return index < lines.count ? lines[index] : []
    }
}
