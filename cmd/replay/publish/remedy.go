package publish

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"
)

// remedies say what to do about what a broker refuses for good. Whatever is not here may pass: it is
// tried again, which is safe, since the broker knows what it has already.
var remedies = map[kafka.Error]string{
	kafka.MessageSizeTooLarge:         "a message is larger than the topic takes: raise its max.message.bytes",
	kafka.RecordListTooLarge:          "a batch is larger than the topic's segments: raise its segment.bytes",
	kafka.TopicAuthorizationFailed:    "this user may not write: grant it Write and Describe on the topic",
	kafka.ClusterAuthorizationFailed:  "this user may not write with sequence numbers: grant it Write on the topic, or before Kafka 3.0 IdempotentWrite on the cluster",
	kafka.SASLAuthenticationFailed:    "the broker does not know this user and password: see --sasl-user",
	kafka.UnsupportedSASLMechanism:    "the broker does not log in by this mechanism: see --sasl",
	kafka.InvalidTimestamp:            "the topic refuses times so far from now: give --now, or widen its message.timestamp.before.max.ms and message.timestamp.after.max.ms",
	kafka.InvalidRequiredAcks:         "the broker refuses to acknowledge for all replicas",
	kafka.InvalidTopic:                "the topic cannot have this name",
	kafka.PolicyViolation:             "a policy of the cluster forbids it",
	kafka.InvalidRecord:               "the topic refuses the record: is it compacted?",
	kafka.UnsupportedVersion:          "the broker is too old: Kafka 0.11 is the first that knows sequence numbers",
	kafka.UnsupportedForMessageFormat: "the topic's format is too old for sequence numbers: raise its message.format.version",
	kafka.UnsupportedCompressionType:  "the broker does not know this compression: choose another with --compression",
	kafka.OutOfOrderSequenceNumber:    sequenceBroken,
	kafka.InvalidProducerEpoch:        sequenceBroken,
	kafka.UnknownProducerId:           sequenceBroken,
}

const sequenceBroken = "the topic does not have just what was sent before: somebody else publishes this session too, or it lost records. See that no other publisher runs"

// remedy returns what to do about an error that will not pass; "" for one that may.
func remedy(err error) string {
	var refused kafka.Error
	if errors.As(err, &refused) {
		return remedies[refused]
	}
	if certificate := (*tls.CertificateVerificationError)(nil); errors.As(err, &certificate) {
		return "the broker's certificate is not believed: name its authority with --kafka-ca"
	}
	return ""
}

// pause waits; false where ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
