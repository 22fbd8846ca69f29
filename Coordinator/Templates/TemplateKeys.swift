//! Templates: reads what is in a template's folder or archive: `aibuild.yml`, what Packer would
//! read, the outputs. The coordinator uses it for each build, the command line for a folder of its
//! user. It keeps nothing, and asks no server.

import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import TextKit
package import YAMLKit

/// All keys of `aibuild.yml`: the parser reads by them, and the schema for editors is made of them.
package enum TemplateKeys {
    /// Of one image, or the defaults of several.
    package static let image = YAMLKeys(
        builder, template, command, variables, baseImage, only, except, steps, varFiles,
        accelerator, placeholders, environment, artifacts, imageFile, jenkins, streams,
        requirements, limits,
        concurrency, retries, tests, release, triggers, schedule, include, submodules, lfs,
        paths, outputs)

    /// Of the file.
    package static let document = image.adding(YAMLKeys(images))

    /// The JSON Schema of the file. It knows no rules that concern several keys, so that what it
    /// takes may still be refused.
    package static var schema: [UInt8] {
        guard case .object(var schema) = document.schema else { return [] }
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = "aibuild.yml"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // It holds no number that JSON cannot have.
        return ((try? encoder.encode(schema)).map { [UInt8]($0) } ?? []) + [UInt8(ascii: "\n")]
    }

    static let images = YAMLKey(
        "images", .map(of: .mapping(of: image)),
        "Several images, by the names of their guest OSes; the keys beside it are defaults.")
    /// An image's own entries are added to the defaults of these; all others replace theirs.
    static let united: Set = [
        variables.name, environment.name, requirements.name, limits.name, tests.name,
        release.name, triggers.name,
    ]

    /// The keys that only one builder knows.
    static let ofPacker: Set = [
        template.name, only.name, except.name, steps.name, varFiles.name, accelerator.name,
        placeholders.name,
    ]
    static let ofCommands: Set = [command.name, jenkins.name, streams.name]

    // MARK: What builds the image

    enum Kind: String, CaseIterable { case packer, command }

    static let builder = YAMLKey(
        "builder", YAMLType<Kind>.word,
        "What builds the image: packer (the default), or a program of the template.")
    static let template = YAMLKey(
        "template", .templatePath,
        "Packer's template: a JSON or HCL file, or a folder of *.pkr.hcl (. for this one).")
    static let command = YAMLKey(
        "command", .command,
        "With builder: command, the program and its arguments; no shell is involved.")
    static let variables = YAMLKey(
        "variables", .map(of: .variable),
        "Variables of the Packer template; programs get them as AIBUILD_VAR_<name>.")
    static let environment = YAMLKey(
        "environment", .map(of: .json),
        "Environment of the builder: texts, {secret: NAME} or {secret_file: NAME}.")
    static let include = YAMLKey(
        "include", .list(of: .includedPath),
        "Files and folders of the Git repository that belong to the template too.")
    static let submodules = YAMLKey(
        "submodules", .bool, "Whether the files of the Git repository's submodules belong to it.")
    static let lfs = YAMLKey(
        "lfs", .bool, "Whether files that Git LFS keeps are fetched.")
    static let paths = YAMLKey(
        "paths", .list(of: .changedPath),
        "A push builds the image only if it changes one of these files of the repository.")
    static let outputs = YAMLKey(
        "outputs", .innerFolder,
        "The folder whose *.j2 are rendered with the results of builds; output by default.")
    static let jenkins = YAMLKey(
        "jenkins", .bool,
        "Gives a program the environment that Jenkins gave to scripts of the original AIBuild.")
    static let streams = YAMLKey(
        "streams", YAMLType<OutputStreams>.word,
        "separate tells standard output and standard error of a program apart in the log.")

    // MARK: Packer

    static let only = YAMLKey("only", .list(of: .sourcePattern), "The sources to build.")
    static let except = YAMLKey("except", .list(of: .sourcePattern), "The sources to leave out.")
    static let steps = YAMLKey(
        "steps", .list(of: .sourcePattern),
        "Runs Packer once for each entry, in this order, with that source alone.")
    static let varFiles = YAMLKey(
        "var_files", .list(of: .innerPath), "Files with variables for Packer.")

    enum Override: String, CaseIterable { case override }

    static let accelerator = YAMLKey(
        "accelerator", YAMLType<Override>.word,
        "override replaces the accelerator that the template sets by what works on the host.")

    static let placeholders = YAMLKey(
        "placeholders", .bool,
        "Replaces $NAME, $IMAGE and $METADATA in a JSON template by the variables of these names.")

    // MARK: Base image

    static let baseImage = YAMLKey(
        "base_image", .mapping(of: BaseImage.all),
        "The image or ISO that the build starts from; hosts cache it by its digest.")

    enum BaseImage {
        static let url = YAMLKey("url", .url(or: "file"), "Where hosts fetch it.")
        static let sha256 = YAMLKey(
            "sha256", .string, "Its digest, file:URL of a checksum file, or none.")
        static let sha512 = YAMLKey("sha512", .string, "Its digest, or file:URL.")
        static let sha256URL = YAMLKey(
            "sha256_url", .string, "A checksum file that is read when a build is submitted.")
        static let sha512URL = YAMLKey(
            "sha512_url", .string, "A checksum file that is read when a build is submitted.")
        static let signatureURL = YAMLKey(
            "signature_url", .url(), "A detached signature of the checksum file.")
        static let signatureKey = YAMLKey(
            "signature_key", .innerPath, "The publisher's public key, in the template.")

        static let all = YAMLKeys(
            url, sha256, sha512, sha256URL, sha512URL, signatureURL, signatureKey,
            required: ["url"])
        /// One of them is given.
        static let digests = [sha256, sha512, sha256URL, sha512URL]
    }

    // MARK: What it leaves

    static let imageFile = YAMLKey(
        "image", .filePattern,
        "The file that is the image, if it is not the largest disk image; none for no file.")
    static let artifacts = YAMLKey(
        "artifacts", .list(of: .mapping(of: Artifact.all)),
        "What the build leaves that is no disk image, or lies outside of the output folder.")

    enum Artifact {
        static let files = YAMLKey("files", .filePattern, "A path, with *, ? and **.")
        static let kind = YAMLKey(
            "kind", YAMLType<ArtifactKind>.word, "What the files must be.")
        static let all = YAMLKeys(files, kind, required: ["files", "kind"])
    }

    // MARK: Where and how long

    static let requirements = YAMLKey(
        "requirements", .mapping(of: Requirement.all), "What a host must have free.")

    enum Requirement {
        static let vcpus = YAMLKey("vcpus", .int(1...1024), "Virtual processors.")
        static let memory = YAMLKey("memory", .sizeBytes, "Memory, such as 2GiB.")
        static let disk = YAMLKey("disk", .sizeBytes, "Space for all files of the build.")
        static let accelerator = YAMLKey(
            "accelerator", YAMLType<Accelerator>.word, "Only hosts where this works.")
        static let tags = YAMLKey("tags", .list(of: .tag), "Tags that the host must have.")
        static let all = YAMLKeys(vcpus, memory, disk, accelerator, tags)
    }

    static let limits = YAMLKey(
        "limits", .mapping(of: Limit.all), "When the build is ended.")

    enum Limit {
        static let total = YAMLKey("total", .limitSeconds, "From its start to its end.")
        static let silence = YAMLKey("silence", .limitSeconds, "Without a line in the log.")
        static let log = YAMLKey("log", .sizeBytes, "The size of its log, 64KiB to 4GiB.")
        static let all = YAMLKeys(total, silence, log)
    }

    static let concurrency = YAMLKey(
        "concurrency", .int(1...1000), "Builds of this guest OS that may run at once.")
    static let retries = YAMLKey(
        "retries", .int(RetryPolicy.retries),
        "Attempts after the first one, for faults that are not the template's.")

    // MARK: Afterwards

    static let tests = YAMLKey(
        "tests", .mapping(of: TemplateTestKeys.all), "Boots the image and tests it.")
    static let release = YAMLKey(
        "release", .mapping(of: Release.all), "Where a tested image goes.")

    enum Release {
        static let to = YAMLKey(
            "to", .list(of: .environmentName), "Environments, in this order.")
        static let when = YAMLKey(
            "when", YAMLType<ReleasePlan.When>.word,
            "automatic: after the tests; manual: when a person says so.")
        static let name = YAMLKey("name", .releaseText, "The name of the released image.")
        static let properties = YAMLKey(
            "properties", .map(of: .releaseText), "Properties of the released image.")
        static let all = YAMLKeys(to, when, name, properties)
    }

    // MARK: What starts it

    static let triggers = YAMLKey(
        "triggers", .mapping(of: Trigger.all), "What starts builds of the image.")

    enum Trigger {
        static let push = YAMLKey(
            "push", .bool, "Pushes to the branch that the guest OS is built from (default true).")
        static let branches = YAMLKey(
            "branches", .list(of: .refPattern),
            "Other branches, such as release/*: built and tested, never published or released.")
        static let tags = YAMLKey(
            "tags", .list(of: .refPattern), "Tags that are built, such as v*.")
        static let mergeRequests = YAMLKey(
            "merge_requests", .bool,
            "Merge requests to that branch: built and tested, never published or released.")
        static let supersede = YAMLKey(
            "supersede", .bool,
            "A newer push cancels the queued build of an older one of the same branch.")
        static let publish = YAMLKey(
            "publish", YAMLType<ImageTriggers.Publish>.word,
            "always (the default), or tags: only builds of tags are published and released.")
        static let parent = YAMLKey(
            "parent", .short(.guestOSName, or: .list(of: .guestOSName)),
            "Guest OSes whose new images this one is built for.")
        static let baseImage = YAMLKey(
            "base_image", .short(.bool, or: .mapping(of: YAMLKeys(every))),
            "Builds the image when its base image has changed at its address.")
        static let every = YAMLKey(
            "every", .everySeconds, "How often it is looked at (default 6h).")
        static let packages = YAMLKey(
            "packages", .mapping(of: YAMLKeys(apt, dnf, every)),
            "Builds the image when the packages of these sources have changed.")
        static let apt = YAMLKey(
            "apt", .list(of: .aptSource), "Lines of sources.list: deb URL suite component…")
        static let dnf = YAMLKey(
            "dnf", .list(of: .packageURL), "Addresses of repositories for dnf, above repodata/.")
        static let maxAge = YAMLKey(
            "max_age", .ageSeconds, "Builds the image when it has become this old, such as 7d.")
        static let all = YAMLKeys(
            push, branches, tags, mergeRequests, supersede, publish, parent, baseImage, packages,
            maxAge, variables)

        static let variables = YAMLKey(
            "variables", .mapping(of: TriggerVariables.keys),
            "Variables of the builds that each of these starts, over those of image and host.")
    }

    static let schedule = YAMLKey(
        "schedule", .short(.string, or: .mapping(of: Schedule.all)),
        "When the image is built: five fields of cron in UTC, or with a time zone.")

    enum Schedule {
        static let cron = YAMLKey(
            "cron", .string, "Five fields of cron, or @hourly, @daily, @weekly or @monthly.")
        static let timeZone = YAMLKey(
            "time_zone", .timeZone, "The zone of these times, such as Europe/Berlin.")
        static let jitter = YAMLKey(
            "jitter", .jitterSeconds,
            "Builds up to this much later, so that guest OSes do not all start at once.")
        static let all = YAMLKeys(cron, timeZone, jitter, required: ["cron"])
    }
}
