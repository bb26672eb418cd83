package publish

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A real Kafka keeps what the one in the process promises.
func TestKafkaPublish(t *testing.T) {
	addr := os.Getenv("TAPEDECK_TEST_KAFKA")
	if addr == "" {
		t.Skip("TAPEDECK_TEST_KAFKA names no Kafka; make test-services does")
	}
	made := func(t *testing.T, name string, partitions int) string {
		t.Helper()
		topic := "publish-" + name + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		o := quick(t, clientOf(t, topic, addr), topic, write(t, "empty.raw"))
		o.Create = &Creation{Partitions: partitions, Replicas: 1}
		must(t, o)
		return topic
	}
	t.Run("lost answers", func(t *testing.T) { lostAnswers(t, made(t, "lost", 4), 4, addr) })
	t.Run("killed", func(t *testing.T) { killed(t, made(t, "killed", 3), 3, addr) })
	t.Run("late request", func(t *testing.T) { lateRequest(t, made(t, "late", 1), addr) })
	t.Run("recorded sessions", func(t *testing.T) {
		for _, s := range append(slices.Clone(sessions), longSession) {
			topic := made(t, "session", 3)
			s.publish(t, clientOf(t, topic, addr), topic, 3)
		}
	})
}
