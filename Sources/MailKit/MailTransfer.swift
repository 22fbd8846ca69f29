import CCurl
import ErrorKit
import Synchronization

/// Ends a transfer from another thread.
final class MailCancellation: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { state.withLock(\.self) }
    func set() { state.withLock { $0 = true } }
}

/// Sends one mail. Blocks.
struct MailTransfer {
    let server: MailServer
    let isCancelled: MailCancellation

    private static let connectSeconds = 10
    private static let totalSeconds = 60

    func run(_ mail: MailMessage, to addresses: [String]) throws(MailError) {
        CurlLibrary.start()
        guard let easy = curl_easy_init() else {
            throw MailError(.unavailable, "cannot send a mail: no memory")
        }
        defer { curl_easy_cleanup(easy) }
        var recipients: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(recipients) }
        for address in addresses {
            recipients = curl_slist_append(recipients, "<\(address)>")
        }
        aib_curl_long(easy, CURLOPT_NOSIGNAL, 1)
        aib_curl_text(easy, CURLOPT_URL, server.url)
        aib_curl_text(easy, CURLOPT_MAIL_FROM, "<\(mail.from)>")
        aib_curl_recipients(easy, recipients)
        aib_curl_long(easy, CURLOPT_CONNECTTIMEOUT, Self.connectSeconds)
        aib_curl_long(easy, CURLOPT_TIMEOUT, Self.totalSeconds)
        aib_curl_mail_only(easy, server.requiresTLS ? 1 : 0)
        if let user = server.user { aib_curl_text(easy, CURLOPT_USERNAME, user) }
        if let password = server.password { aib_curl_text(easy, CURLOPT_PASSWORD, password) }
        if let authorities = server.authorities {
            aib_curl_text(easy, CURLOPT_CAINFO, authorities)
        }
        let (code, words) = withExtendedLifetime(isCancelled) {
            aib_curl_progress(
                easy,
                { context, _, _, _, _ in
                    guard let context else { return 0 }
                    let flag = Unmanaged<MailCancellation>.fromOpaque(context)
                    return flag.takeUnretainedValue().isSet ? 1 : 0
                }, Unmanaged.passUnretained(isCancelled).toOpaque())
            return perform(easy, mail.bytes)
        }
        if code != CURLE_OK { throw failure(easy, code, words, addresses) }
    }

    private func perform(
        _ easy: UnsafeMutableRawPointer, _ bytes: [UInt8]
    ) -> (CURLcode, words: String) {
        var position = 0
        var message = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let code = withUnsafeMutablePointer(to: &position) { position in
            bytes.withUnsafeBytes { buffer in
                message.withUnsafeMutableBufferPointer { message in
                    aib_curl_mail(
                        easy, buffer.baseAddress, buffer.count, position, message.baseAddress)
                }
            }
        }
        let words = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (code, String(decoding: words, as: UTF8.self))
    }

    private func failure(
        _ easy: UnsafeMutableRawPointer, _ code: CURLcode, _ words: String,
        _ addresses: [String]
    ) -> MailError {
        var status = 0
        aib_curl_response(easy, &status)
        // 5xx of SMTP is final; but a login, or TLS that is missing, is the operator's to fix.
        let isOfMail =
            (500..<600).contains(status) && code != CURLE_LOGIN_DENIED
            && code != CURLE_USE_SSL_FAILED && status != 530
        return MailError(
            isOfMail ? .usual : .unavailable,
            "\(server.url) does not take the mail to \(addresses.joined(separator: ", ")): "
                + (words.isEmpty ? String(cString: curl_easy_strerror(code)) : words))
    }
}

/// The library's state for the whole process, initialized once and never cleaned up.
private enum CurlLibrary {
    static func start() { _ = started }

    private static let started = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
}
