package main

import "testing"

func TestStreamURL(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:8080":                    "ws://127.0.0.1:8080/v1/stream",
		"https://x.example/feed":            "wss://x.example/feed/v1/stream",
		"ws://x.example:1/v1/stream?rooms=": "ws://x.example:1/v1/stream",
		"http://x.example/v1/replay?from=2026-01-31T14:00:00Z&speed=10": "ws://x.example/v1/replay?from=2026-01-31T14:00:00Z&speed=10",
		"wss://x.example/feed/v1/replay?from=1&to=live":                 "wss://x.example/feed/v1/replay?from=1&to=live",
	} {
		if got, err := streamURL(text); err != nil || got.String() != want {
			t.Errorf("%s is %v (%v), want %s", text, got, err, want)
		}
	}
	if _, err := streamURL("ftp://x"); err == nil {
		t.Error("an address that is none was taken")
	}
}
