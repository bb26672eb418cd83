package checkpoint_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
)

var header = checkpoint.Header{
	Epoch: "e", Format: "binance version 1", Offset: 100, Clock: 1_700_000_000e6, From: 10, Shape: "trades 1024", Part: "",
}

func TestFormRoundTrips(t *testing.T) {
	data := checkpoint.Seal(header, [][]byte{[]byte("one"), nil, bytes.Repeat([]byte("two"), 10_000)})
	h, err := checkpoint.Peek(data)
	if err != nil || h != header {
		t.Fatal(h, err)
	}
	if len(data) > 1000 {
		t.Errorf("30 kB of one word take %d bytes", len(data))
	}
}

// Whatever becomes of a byte of it, or where it ends: nothing of it is taken.
func TestFormRefusesDamage(t *testing.T) {
	body := make([]byte, 300)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	data := checkpoint.Seal(header, [][]byte{body})
	for i := range data {
		if _, err := checkpoint.Peek(data[:i]); err == nil {
			t.Errorf("it was taken though it ends at byte %d of %d", i, len(data))
		}
		bad := bytes.Clone(data)
		bad[i] ^= 1 << r.IntN(8)
		if _, err := checkpoint.Peek(bad); err == nil {
			t.Errorf("it was taken though byte %d is another", i)
		}
	}
	if _, err := checkpoint.Peek(append(data, 0)); err == nil {
		t.Error("it was taken though something is behind it")
	}
}

func TestFits(t *testing.T) {
	at := feed.Start{Epoch: "e", First: 5, From: 20}
	want := header
	if err := header.Fits(&want, at); err != nil {
		t.Fatal(err)
	}
	for why, change := range map[string]func(h *checkpoint.Header){
		"decoder":        func(h *checkpoint.Header) { h.Format = "binance version 2" },
		"epoch":          func(h *checkpoint.Header) { h.Epoch = "f" },
		"other settings": func(h *checkpoint.Header) { h.Shape = "trades 512" },
		"holds only":     func(h *checkpoint.Header) { h.Part = "symbol:BTC-*" },
		"now begins at":  func(h *checkpoint.Header) { h.Offset = 4 },
		"knows more":     func(h *checkpoint.Header) { h.From = 21 },
	} {
		h := header
		change(&h)
		if err := h.Fits(&want, at); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	want.Part = "symbol:BTC-*" // a node that serves a part can go on from the whole, and from its own
	part := header
	part.Part = want.Part
	for _, h := range []checkpoint.Header{header, part} {
		if err := h.Fits(&want, at); err != nil {
			t.Error(err)
		}
	}
}

// Whatever bytes a store gives: a header is read or refused, and what is behind it is unpacked or refused.
func FuzzPeek(f *testing.F) {
	data := checkpoint.Seal(header, [][]byte{bytes.Repeat([]byte("body"), 100)})
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := checkpoint.Peek(data)
		if _, bad := checkpoint.Body(data); err != nil && bad == nil {
			t.Fatalf("it was unpacked though its header is refused: %v", err)
		}
	})
}
