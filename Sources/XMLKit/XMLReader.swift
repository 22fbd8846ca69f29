//! XMLKit: reads a small XML document in memory, element by element. It knows nothing of what the
//! documents are about, and what it reads may come from anybody.

import CXML
public import ErrorKit

/// Reads XML as a stream: builds no tree, replaces no entity, fetches nothing, and stops at a
/// document type declaration, in which entities are declared.
public final class XMLReader {
    public enum Event: Sendable, Hashable {
        /// By local name: the prefix is the writer's choice. `<a/>` has an end as well.
        case start(String, attributes: [String: String])
        case end
        case text(String)
    }

    private let reader: xmlTextReaderPtr
    /// The library reads it as long as the reader lives.
    private let bytes: UnsafeMutableBufferPointer<CChar>
    private let depth: Int32
    private var isEndPending = false

    /// - Parameter depth: levels of nesting that are read.
    /// - Throws: `XMLError`
    public init(_ document: [UInt8], depth: Int = 64) throws(XMLError) {
        self.depth = Int32(clamping: depth)
        bytes = .allocate(capacity: document.count)
        _ = bytes.initialize(from: document.lazy.map { CChar(bitPattern: $0) })
        let options =
            XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
            | XML_PARSE_COMPACT.rawValue
        guard
            let size = Int32(exactly: document.count),
            let reader = xmlReaderForMemory(
                bytes.baseAddress, size, nil, nil, Int32(options))
        else {
            bytes.deallocate()
            throw XMLError("the document is empty, or too large for its parser")
        }
        self.reader = reader
    }

    deinit {
        xmlFreeTextReader(reader)
        bytes.deallocate()
    }

    /// - Returns: `nil` at the end of the document.
    public func next() throws(XMLError) -> Event? {
        if isEndPending {
            isEndPending = false
            return .end
        }
        while true {
            let code = xmlTextReaderRead(reader)
            guard code >= 0 else {
                throw XMLError(
                    "it is not well-formed XML, at line \(xmlTextReaderGetParserLineNumber(reader))"
                )
            }
            if code == 0 { return nil }
            guard xmlTextReaderDepth(reader) <= depth else {
                throw XMLError("it is nested more than \(depth) levels deep")
            }
            switch UInt32(xmlTextReaderNodeType(reader)) {
            case XML_READER_TYPE_ELEMENT.rawValue:
                isEndPending = xmlTextReaderIsEmptyElement(reader) == 1
                let name = Self.string(xmlTextReaderConstLocalName(reader))
                return .start(name, attributes: attributes())
            case XML_READER_TYPE_END_ELEMENT.rawValue: return .end
            case XML_READER_TYPE_TEXT.rawValue, XML_READER_TYPE_CDATA.rawValue:
                return .text(Self.string(xmlTextReaderConstValue(reader)))
            case XML_READER_TYPE_DOCUMENT_TYPE.rawValue,
                XML_READER_TYPE_ENTITY_REFERENCE.rawValue:
                throw XMLError(
                    "it has a document type declaration or entities of its own, which are refused")
            default: continue
            }
        }
    }

    private func attributes() -> [String: String] {
        var found: [String: String] = [:]
        while xmlTextReaderMoveToNextAttribute(reader) == 1 {
            found[Self.string(xmlTextReaderConstLocalName(reader))] =
                Self.string(xmlTextReaderConstValue(reader))
        }
        xmlTextReaderMoveToElement(reader)
        return found
    }

    private static func string(_ text: UnsafePointer<xmlChar>?) -> String {
        text.map { String(cString: $0) } ?? ""
    }
}

/// Why a document cannot be read.
public typealias XMLError = CodedError<XMLErrorCode>

public enum XMLErrorCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { true }
}
