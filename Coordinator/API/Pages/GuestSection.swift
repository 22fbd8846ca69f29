import TextKit

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
            html +=
                "<h3>Serial console</h3><pre tabindex=0>"
                + "\(HTML.escape(TerminalLine.plain(serial)))</pre>"
        }
        return html + "</section>"
    }
}
