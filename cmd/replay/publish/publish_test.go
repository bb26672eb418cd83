package publish

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestPublish(t *testing.T) {
	b := broker(t, kfake.SeedTopics(3, "raw"))
	c := client(t, b.ListenAddrs()...)
	o := quick(t, c, "raw", write(t, "s.raw", toys(10_000, 7)...))
	r, err := Run(t.Context(), o)
	if err != nil || r.Sent != 10_000 || r.Messages != 10_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	exactlyOnce(t, all(t, c, "raw", 3), 10_000)
}
