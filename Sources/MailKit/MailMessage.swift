import FoundationEssentials
import TextKit

/// A mail of plain text (RFC 5322).
public struct MailMessage: Sendable {
    public var from: String
    public var to: [String]
    public var subject: String
    public var text: String
    /// The same for the same mail sent again, which many mailboxes then show once.
    public var key: String
    public var atMilliseconds: Int64

    /// - Parameters:
    ///   - from: an address without a name, as `isAddress` accepts it.
    ///   - to: likewise.
    ///   - key: letters and digits.
    public init(
        from: String, to: [String], subject: String, text: String, key: String,
        atMilliseconds: Int64
    ) {
        self.from = from
        self.to = to
        self.subject = subject
        self.text = text
        self.key = key
        self.atMilliseconds = atMilliseconds
    }

    /// Whether a text is an address that no server takes for something else: one `@`, no blanks,
    /// quotes or angle brackets.
    public static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>()[]\\,;:\"".utf8.contains($0) }
    }

    /// Characters of a line of base64.
    private static let lineBytes = 76
    /// Bytes of an encoded word: as base64 they stay below its 75 characters.
    private static let wordBytes = 42
    /// A subject that is longer helps nobody.
    private static let subjectBytes = 250

    /// With CRLF at the end of each line.
    var bytes: [UInt8] {
        let host = from.split(separator: "@").last ?? "localhost"
        var lines = [
            "From: \(from)", "To: \(to.joined(separator: ",\r\n "))", "Subject: \(encodedSubject)",
            "Date: \(date)", "Message-ID: <\(key)@\(host)>", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
            "Auto-Submitted: auto-generated", "",
        ]
        let body = text.replacing("\n", with: "\r\n") + "\r\n"
        var rest = Array(Data(body.utf8).base64EncodedString().utf8)[...]
        while !rest.isEmpty {
            lines.append(String(decoding: rest.prefix(Self.lineBytes), as: UTF8.self))
            rest = rest.dropFirst(Self.lineBytes)
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }

    /// RFC 2047; a line break would begin another header.
    private var encodedSubject: String {
        var words: [String] = []
        var word: [UInt8] = []
        func end() {
            words.append("=?utf-8?B?\(Data(word).base64EncodedString())?=")
            word = []
        }
        var count = 0
        for scalar in subject.visible.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            count += bytes.count
            if count > Self.subjectBytes { break }
            if word.count + bytes.count > Self.wordBytes { end() }
            word += bytes
        }
        end()
        return words.joined(separator: "\r\n ")
    }

    private var date: String {
        let time = UTCTime(unixMilliseconds: atMilliseconds)
        let days = Int64((Double(atMilliseconds) / 86_400_000).rounded(.down))
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((days % 7 + 7) % 7)]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let date = time.date
        return "\(weekday), \(date.day) \(months[date.month - 1]) \(date.year) \(time.clock) +0000"
    }
}
