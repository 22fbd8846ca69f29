import CoordinatorCore
import Support
import TextKit
import XMLKit

/// Reads a profile in JSON or XML, and a list of profiles.
enum ProfileReader {
    /// Enough for every machine of a large site.
    static let profiles = 20_000
    private static let entryBytes = 200
    /// No file system takes a longer one.
    static let nameBytes = 255

    /// As Quattor writes it: `{"system": {…}}`, or elements of XML, which a `name` names if they
    /// have one.
    static func profile(_ bytes: [UInt8]) throws(ProfileFault) -> ImageProfile {
        let first = bytes.first { $0 > 0x20 && !Self.mark.contains($0) }
        return try ImageProfile(first == UInt8(ascii: "<") ? xmlTexts(bytes) : jsonTexts(bytes))
    }

    /// U+FEFF at the beginning.
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private static func jsonTexts(
        _ bytes: [UInt8]
    ) throws(ProfileFault) -> [ImageProfile.Place: String] {
        guard case .object(let root)? = try? JSON(parsing: bytes) else {
            throw ProfileFault("it is neither a JSON object nor XML")
        }
        var texts: [ImageProfile.Place: String] = [:]
        for place in ImageProfile.Place.allCases {
            var value: JSON? = .object(root)
            for key in place.rawValue.split(separator: "/") { value = value?[String(key)] }
            texts[place] = value?.text
        }
        return texts
    }

    private static func xmlTexts(
        _ bytes: [UInt8]
    ) throws(ProfileFault) -> [ImageProfile.Place: String] {
        var texts: [ImageProfile.Place: String] = [:]
        var path: [String] = []
        do throws(XMLError) {
            let reader = try XMLReader(bytes)
            while let event = try reader.next() {
                switch event {
                case .start(let name, let attributes): path.append(attributes["name"] ?? name)
                case .end: path.removeLast()
                case .text(let text):
                    let place = path.dropFirst().joined(separator: "/")
                    if let place = ImageProfile.Place(rawValue: place) {
                        texts[place, default: ""] += text.trimmingWhitespace
                    }
                }
            }
        } catch { throw ProfileFault(cause: error) }
        return texts
    }

    // MARK: The list

    /// The texts of the elements directly below the root, for each what its attributes say: Quattor
    /// writes `<profile mtime="1486571445">host.json</profile>`.
    static func entries(
        _ bytes: [UInt8], match: String
    ) throws(ProfileFault) -> [String: String] {
        var entries: [String: String] = [:]
        var depth = 0
        var said = ""
        var name = ""
        do throws(XMLError) {
            let reader = try XMLReader(bytes)
            while let event = try reader.next() {
                switch event {
                case .start(_, let attributes):
                    depth += 1
                    guard depth == 2 else { continue }
                    name = ""
                    said = attributes.sorted { $0.key < $1.key }
                        .map { "\($0.key)=\($0.value)" }.joined(separator: " ")
                case .text(let text): if depth == 2 { name += text }
                case .end:
                    depth -= 1
                    let entry = name.trimmingWhitespace
                    guard depth == 1, !entry.isEmpty,
                        match.isEmpty || entry.contains(match)
                    else { continue }
                    entries[entry] =
                        said.utf8.count > entryBytes ? SHA256.hex(said.utf8) : said
                }
            }
        } catch { throw ProfileFault(cause: error) }
        guard entries.keys.allSatisfy({ $0.utf8.count <= nameBytes }) else {
            throw ProfileFault("it has a name of more than \(nameBytes) bytes")
        }
        guard entries.count <= profiles else {
            throw ProfileFault(
                "it has \(entries.count) profiles that match, more than \(profiles): choose fewer "
                    + "by profiles.match in coordinator.yml")
        }
        return entries
    }
}

extension String {
    fileprivate var trimmingWhitespace: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
