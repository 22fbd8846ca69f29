import FoundationEssentials

/// What an agent needs to know about a Packer template: its language, and the variables that it
/// declares.
public struct PackerTemplate: Sendable, Hashable {
    public enum Language: Sendable, Hashable {
        /// Packer's legacy JSON, which `packer fix` can upgrade.
        case json
        case hcl
        /// The JSON form of HCL2, `.pkr.json`.
        case hclJSON
    }

    public var language: Language
    public var variables: Set<String>

    public struct Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
        public var description: String
    }

    /// - Parameter name: the file's name, whose suffix selects the language, as in Packer.
    public init(name: String, text: [UInt8]) throws(Unreadable) {
        if name.hasSuffix(".pkr.hcl") {
            language = .hcl
            variables = HCLScanner.variables(text)
        } else {
            let isHCL = name.hasSuffix(".pkr.json")
            language = isHCL ? .hclJSON : .json
            let file: File
            do { file = try JSONDecoder().decode(File.self, from: Data(text)) } catch {
                throw Unreadable(
                    description: "\(name) is not a JSON object: \(Self.describe(error))")
            }
            let declared = isHCL ? file.variable : file.variables
            variables = Set((declared ?? [:]).keys)
        }
    }

    private struct File: Decodable {
        var variables: [String: Anything?]?
        var variable: [String: Anything?]?
    }

    /// A value that is ignored.
    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    private static func describe(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .typeMismatch(_, let context), .dataCorrupted(let context),
            .valueNotFound(_, let context), .keyNotFound(_, let context):
            context.debugDescription
        default: "\(error)"
        }
    }
}
