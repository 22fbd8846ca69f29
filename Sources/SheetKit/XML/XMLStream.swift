import CXML

/// Reads XML as a stream: builds no tree, replaces no entity, fetches nothing, and stops at a
/// document type declaration, in which entities are declared.
final class XMLStream {
    enum Event: Equatable {
        /// By local name: the prefix is the writer's choice.
        case start(String)
        case end(String)
        case text(String)
    }

    private let reader: xmlTextReaderPtr
    private let source: Source
    private let limits: SheetLimits
    /// Completes `<a/>`, for which the library reports only the start.
    private var pendingEnd: String?

    /// The source of the library's bytes, and the reason why they stopped.
    private final class Source {
        let entry: ZipEntry
        var failure: SheetError?
        init(_ entry: ZipEntry) { self.entry = entry }
    }

    init(_ entry: ZipEntry, _ limits: SheetLimits) throws(SheetError) {
        self.limits = limits
        source = Source(entry)
        let options =
            XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
            | XML_PARSE_COMPACT.rawValue
        // The source is held by `self`, which outlives the reader.
        let context = Unmanaged.passUnretained(source).toOpaque()
        guard
            let reader = xmlReaderForIO(
                { context, buffer, length in
                    guard let context, let buffer, length > 0 else { return -1 }
                    let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
                    do throws(SheetError) {
                        return Int32(
                            try source.entry.read(
                                into: UnsafeMutableRawBufferPointer(
                                    start: buffer, count: Int(length))))
                    } catch {
                        source.failure = error
                        return -1
                    }
                }, { _ in 0 }, context, nil, nil, Int32(options))
        else { throw SheetError("the part \(entry.name) cannot be read: no memory") }
        self.reader = reader
    }

    deinit { xmlFreeTextReader(reader) }

    /// - Returns: `nil` at the end of the document.
    func next() throws(SheetError) -> Event? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name)
        }
        while true {
            let code = xmlTextReaderRead(reader)
            if let failure = source.failure { throw failure }
            guard code >= 0 else { throw broken() }
            if code == 0 { return nil }
            guard xmlTextReaderDepth(reader) <= limits.xmlDepth else {
                throw SheetError(
                    "the part \(source.entry.name) is nested more than \(limits.xmlDepth) levels "
                        + "deep: it is refused")
            }
            switch UInt32(xmlTextReaderNodeType(reader)) {
            case XML_READER_TYPE_ELEMENT.rawValue:
                let name = Self.string(xmlTextReaderConstLocalName(reader))
                if xmlTextReaderIsEmptyElement(reader) == 1 { pendingEnd = name }
                return .start(name)
            case XML_READER_TYPE_END_ELEMENT.rawValue:
                return .end(Self.string(xmlTextReaderConstLocalName(reader)))
            case XML_READER_TYPE_TEXT.rawValue, XML_READER_TYPE_CDATA.rawValue,
                XML_READER_TYPE_SIGNIFICANT_WHITESPACE.rawValue,
                XML_READER_TYPE_WHITESPACE.rawValue:
                return .text(Self.string(xmlTextReaderConstValue(reader)))
            case XML_READER_TYPE_DOCUMENT_TYPE.rawValue,
                XML_READER_TYPE_ENTITY_REFERENCE.rawValue:
                throw SheetError(
                    "the part \(source.entry.name) declares entities, as no spreadsheet program "
                        + "does: it is refused")
            default: continue
            }
        }
    }

    /// The attributes of the element that just began, by local name.
    func attributes() -> [String: String] {
        var found: [String: String] = [:]
        while xmlTextReaderMoveToNextAttribute(reader) == 1 {
            found[Self.string(xmlTextReaderConstLocalName(reader))] =
                Self.string(xmlTextReaderConstValue(reader))
        }
        xmlTextReaderMoveToElement(reader)
        return found
    }

    /// Skips to the end of the element that just began.
    func skip() throws(SheetError) {
        var depth = 1
        while depth > 0, let event = try next() {
            switch event {
            case .start: depth += 1
            case .end: depth -= 1
            case .text: continue
            }
        }
    }

    private func broken() -> SheetError {
        let line = xmlTextReaderGetParserLineNumber(reader)
        return SheetError(
            "the part \(source.entry.name) of the file is damaged at its line \(line); save the "
                + "file again and send it whole")
    }

    private static func string(_ text: UnsafePointer<xmlChar>?) -> String {
        text.map { String(cString: $0) } ?? ""
    }
}
