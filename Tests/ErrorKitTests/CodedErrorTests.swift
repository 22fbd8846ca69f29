import ErrorKit
import Testing

@Suite("Coded errors") struct CodedErrorTests {
    private enum Code: FailureCode {
        case wrong, busy
        var isPermanent: Bool { self == .wrong }
    }

    private typealias TestError = CodedError<Code>

    @Test("The code says whether an error is permanent")
    func permanence() {
        #expect(TestError(.wrong, "the key is wrong").isPermanent)
        #expect(!TestError(.busy, "the host is busy").isPermanent)
    }

    @Test("The cause follows the message: after a colon, or as a sentence after a sentence")
    func descriptions() {
        let cause = LibraryError("libkey", code: -3, "no memory")
        #expect("\(TestError(.busy, "cannot sign"))" == "cannot sign")
        #expect(
            "\(TestError(.busy, "cannot sign", cause: cause))"
                == "cannot sign: no memory (libkey, error -3)")
        #expect(
            "\(TestError(.busy, "Cannot sign. Try again.", cause: cause))"
                == "Cannot sign. Try again. Cause: no memory (libkey, error -3).")
        let sentence = TestError(.wrong, "The key is wrong.")
        #expect(
            "\(TestError(.busy, "Cannot sign.", cause: sentence))"
                == "Cannot sign. Cause: The key is wrong.")
        #expect("\(TestError(.busy, cause: sentence))" == "The key is wrong.")
    }

    @Test("The cause is kept as a value through several layers")
    func causes() {
        let inner = LibraryError("libkey", code: 7, "no memory")
        let outer = TestError(.busy, "host a", cause: TestError(.wrong, "login", cause: inner))
        #expect("\(outer)" == "host a: login: no memory (libkey, error 7)")
        #expect((outer.cause as? TestError)?.cause as? LibraryError == inner)
        #expect(outer.underlying(LibraryError.self) == inner)
        #expect(TestError(.busy, "host a").underlying(LibraryError.self) == nil)
    }
}
