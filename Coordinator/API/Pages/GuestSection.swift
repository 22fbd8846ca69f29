import BuildProtocol

/// What was observed of the guests of a build's attempts: the last screen, the serial console. All
/// of it is untrusted.
enum GuestSection {
    static func body(_ detail: BuildDetailView) -> String {
        detail.attempts.compactMap { attempt in
            attempt.guest.map { section($0, attempt.ordinal) }
        }.joined()
    }

    static func section(_ guest: GuestView, _ ordinal: Int) -> String {
        let words = ([guest.summary] + guest.notes).filter { !$0.isEmpty }
        var html = "<section class=guest><h2>Guest of attempt \(ordinal)</h2>"
        html += words.map { "<p>\(HTML.escape($0))</p>" }.joined()
        if let screenshot = guest.screenshot {
            let place = HTML.escape(screenshot)
            html +=
                "<p><a href=\"\(place)\"><img src=\"\(place)\" alt=\"the guest's last screen\">"
                + "</a></p>"
        }
        if let serial = guest.serialTail, !serial.isEmpty {
            html += "<h3>Serial console</h3><pre tabindex=0>\(HTML.escape(plain(serial)))</pre>"
        }
        return html + "</section>"
    }

    /// Removes terminal control sequences: only text, tabs and line ends stay.
    static func plain(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\u{1B}":
                guard scalars.first == "[" else { continue }
                scalars.removeFirst()
                while let next = scalars.popFirst(), !(0x40...0x7E).contains(next.value) {}
            case "\n", "\t": kept.append(scalar)
            default:
                let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
                if !isControl { kept.append(scalar) }
            }
        }
        return String(kept)
    }
}
