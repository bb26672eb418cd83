package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/segmentio/kafka-go"
)

var errBadAnswer = errors.New("the broker's answer cannot be understood")

// Errors that kafka-go has no name for.
const (
	unknownTopicID      kafka.Error = 100
	inconsistentTopicID kafka.Error = 103
)

// hungUp reports whether the other end has closed a connection, or broken it.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// explain says what an error means to somebody who has to deal with it, in the same words each time.
func explain(err error) string {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, one := range all.Unwrap() {
			texts = append(texts, explain(one))
		}
		return strings.Join(texts, "; ")
	}
	if code := kafka.Error(0); errors.As(err, &code) {
		return explainCode(code)
	}
	text := err.Error()
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
		said := fmt.Sprintf("%s %s: %v", op.Op, op.Addr, op.Err) // without our own port, which is another each time
		if errors.Is(err, os.ErrDeadlineExceeded) {
			said = op.Addr.String() + " does not answer"
		}
		text = strings.Replace(text, op.Error(), said, 1)
	}
	if text == io.EOF.Error() || text == io.ErrUnexpectedEOF.Error() {
		text = "the broker has closed the connection"
	}
	return text
}

func explainCode(code kafka.Error) string {
	switch code {
	default:
		return fmt.Sprintf("Kafka's error %d, %s", int(code), cmp.Or(code.Title(), "unknown"))
	case kafka.TopicAuthorizationFailed:
		return "not allowed: give our user the rights Read and Describe"
	case kafka.UnknownTopicOrPartition, unknownTopicID, inconsistentTopicID:
		return "the broker does not know the topic: it was deleted, or has just been made"
	case kafka.NotLeaderForPartition, kafka.LeaderNotAvailable, kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch:
		return "the partition is changing its leader"
	}
}
