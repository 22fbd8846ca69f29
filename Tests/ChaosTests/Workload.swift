import HTTPClientKit
import Support
import TestSupport

/// The builds of a campaign. They print numbered lines in bursts for one to three seconds, with
/// some invalid UTF-8 and now and then a megabyte, and leave an image of random bytes. They record
/// their start and their image themselves, outside of the system under test.
enum Workload {
    static let guestOSes = ["debian", "rocky", "ubuntu"]

    static func register(_ farm: Farm) async throws {
        try Files.makeFolder(folder(farm))
        for name in guestOSes {
            try await farm.template(
                name,
                """
                builder: command
                command: [./build.sh]
                requirements: {memory: 64MiB, disk: 16MiB}
                limits: {total: 10m, silence: 5m}

                """,
                files: [
                    "build.sh": "#!/bin/sh\nperl ./build.pl \(folder(farm))\n",
                    "build.pl": script,
                ])
        }
    }

    /// The example that boots a guest, built by real Packer and QEMU.
    static let packerGuestOS = "mini"

    static func registerPacker(_ farm: Farm) async throws {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let example = here.dropLast(3).joined(separator: "/") + "/examples/mini-linux"
        let folder = try await farm.shell(
            "'\(example)/prepare.sh' \(farm.folder)/mini 2>/dev/null"
        ).filter { $0 != "\n" }
        let answer = try await farm.api.register(guestOS: packerGuestOS, folder: folder)
        guard answer.status == 201 else { throw Failure(FarmClient.text(answer)) }
    }

    private static func folder(_ farm: Farm) -> String { "\(farm.shared)/runs" }

    private static let script = #"""
        use strict;
        my ($runs) = @ARGV;
        my ($token, $name) = ($ENV{AIBUILD_ATTEMPT}, $ENV{AIBUILD_IMAGE_NAME});
        my $n = 0;
        sub put { my ($file, $text) = @_;
            open(my $f, ">>", "$runs/$file") or die; syswrite($f, $text); close($f); }
        sub line { print "n ", ++$n, " ", @_, "\n" or die "cannot print: $!"; }
        $| = 1;
        put("begun", "$token $name\n");
        my $bursts = 10 + int(rand 20);
        my $large = rand() < 0.1 ? int(rand $bursts) : -1;
        for my $burst (1 .. $bursts) {
            line("x" x int(rand 90)) for 1 .. 1 + int(rand 40);
            line("\xff\xfe\x80 no UTF-8 \e[31mred\e[0m") if rand() < 0.2;
            line("y" x 1_000_000) if $burst == $large;
            print STDERR "aside $burst\n";
            select(undef, undef, undef, rand 0.2);
        }
        my $size = 100_000 + int(rand(rand() < 0.05 ? 12_000_000 : 500_000));
        my $image = "$ENV{AIBUILD_OUTPUT}/disk.raw";
        open(my $from, "<", "/dev/urandom") or die;
        open(my $to, ">", $image) or die "cannot write $image: $!";
        while ($size > 0) {
            my $want = $size < 65536 ? $size : 65536;
            my $got = sysread($from, my $bytes, $want) or die;
            my $put = syswrite($to, $bytes);
            die "cannot write $image: $!" unless defined $put && $put == $got;
            $size -= $got;
        }
        close($to) or die "cannot write $image: $!";
        my ($digest) = split / /, `sha256sum $image`;
        put("made", "$token $digest $n\n");
        print "end $n\n";

        """#

    /// How often each attempt's script was started.
    static func begun(_ farm: Farm) -> [String: Int] {
        lines(farm, "begun").reduce(into: [:]) { $0[String($1[0]), default: 0] += 1 }
    }

    struct Made: Sendable {
        var sha256: String
        var lines: Int
    }

    /// The images of the attempts that finished.
    static func made(_ farm: Farm) -> [String: Made] {
        lines(farm, "made").reduce(into: [:]) {
            guard $1.count == 3, let count = Int($1[2]) else { return }
            $0[String($1[0])] = Made(sha256: String($1[1]), lines: count)
        }
    }

    private static func lines(_ farm: Farm, _ name: String) -> [[Substring]] {
        let bytes = (try? Files.read("\(folder(farm))/\(name)", limitBytes: 64 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .map { $0.split(separator: " ") }
    }

    /// Lines that are missing, doubled or out of order in the log of an attempt that passed.
    static func wrongLines(in log: [UInt8], of made: Made) -> Int {
        var next = 1
        var wrong = 0
        for record in log.split(separator: 0x0A) {
            guard let start = record.firstRange(of: Array(#""m":"n "#.utf8))?.upperBound else {
                continue
            }
            let digits = record[start...].prefix { (0x30...0x39).contains($0) }
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else { continue }
            if number != next { wrong += 1 }
            next = number + 1
        }
        return wrong + abs(made.lines + 1 - next)
    }
}
