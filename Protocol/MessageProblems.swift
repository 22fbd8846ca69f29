extension Finished {
    /// What no working agent reports; `nil` if there is nothing of the kind.
    public var problem: String? {
        if $logBytes.isOutOfRange { return "a log of an impossible size" }
        if $startedUnixMilliseconds.isOutOfRange || $endedUnixMilliseconds.isOutOfRange {
            return "times outside the years 1970 to 9999"
        }
        guard artifacts.count <= ProtocolLimits.artifactsPerAttempt else {
            return "\(artifacts.count) artifacts"
        }
        if let remoteImages, remoteImages.count > ProtocolLimits.remoteImages {
            return "\(remoteImages.count) remote images"
        }
        let impossible = artifacts.first {
            $0.$sizeBytes.isOutOfRange || $0.$virtualSizeBytes?.isOutOfRange == true
                || $0.$chunkBytes?.isOutOfRange == true
        }
        return impossible.map { "an impossible size of the artifact \(Names.quoted($0.name))" }
    }
}

extension Start {
    /// The fields whose numbers no working coordinator sends; `nil` if there are none.
    public var problem: String? {
        let needs = requirements
        if needs.$vcpus.isOutOfRange || needs.$memoryBytes.isOutOfRange
            || needs.$diskBytes.isOutOfRange
        {
            return "requirements: a value that no host can have"
        }
        if limits.$totalSeconds.isOutOfRange || limits.$silenceSeconds.isOutOfRange
            || limits.$logBytes.isOutOfRange || limits.$cleanupSeconds?.isOutOfRange == true
        {
            return "limits: an impossible value"
        }
        if build.$number.isOutOfRange || template.$sizeBytes.isOutOfRange {
            return "build.number or template.sizeBytes: an impossible value"
        }
        guard case .test(let plan) = recipe.builder else { return nil }
        let isPlanSound =
            !plan.$port.isOutOfRange && !plan.$bootSeconds.isOutOfRange
            && !plan.cases.contains {
                $0.$times?.isOutOfRange == true || $0.$limitSeconds.isOutOfRange
            }
        return isPlanSound ? nil : "recipe.test: an impossible port, time or number of boots"
    }
}
