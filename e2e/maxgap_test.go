package e2e_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tapedeck/feed"
	memory "tapedeck/feed/tape"
	"tapedeck/server"
)

// What a client is told of a maxgap that is none, word by word; and that those that are let it in.
func TestWordsOfMaxGap(t *testing.T) {
	tape := memory.New(1 << 20)
	tape.Append(feed.LogID{Cluster: "c", Topic: "t", Format: "tick"}, &feed.Record{Time: 1_700_000_000_000_000, Value: []byte(`{"t":"trade","venue":"V","symbol":"S","px":"1","qty":"1"}`)})
	n := serving(t, server.Config{Archive: tape, Log: quiet})
	long := strings.Repeat("9", 60) + "x"
	for text, shown := range map[string]string{"none": "none", "5": "5", "-5s": "-5s", "0s": "0s", "999us": "999us", "1 s": "1 s", long: long[:40]} {
		code, body := n.get(t, "/v1/replay?from=1700000000000000&maxgap="+url.QueryEscape(text))
		want := fmt.Sprintf(`maxgap \"%s\" is not a time from 1ms up, as in 5s`, shown)
		if code != 400 || !strings.Contains(string(body), want) || !strings.Contains(string(body), `"code":"bad_request"`) {
			t.Errorf("maxgap=%s: %d %s, want %s", text, code, body, want)
		}
	}
	for _, text := range []string{"1ms", "5s", "1m30s", "24h"} {
		v := newViewer(text).enter(t, n, "&speed=max&maxgap="+text, "trades:V:S")
		v.do(t, "resume")
		v.end(t)
		v.hangUp()
	}
}
