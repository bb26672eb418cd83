package wire

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
)

// standard is a Deflate of the standard library's.
func standard(t testing.TB) Deflate {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	return func(dst, src []byte) []byte {
		out.Reset()
		w.Reset(&out)
		_, _ = w.Write(src)
		_ = w.Flush()
		return append(dst, bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})...)
	}
}

// inflate reads a message as RFC 7692 §7.2.2 has it, by a reader that knows nothing of pieces.
func inflate(t testing.TB, message []byte) []byte {
	t.Helper()
	r := flate.NewReader(io.MultiReader(bytes.NewReader(message), bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff})))
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%v after %q of %x", err, text, message)
	}
	return text
}

// Pieces of any length, compressible or not, with anything between them, are one message.
func TestPiecesAreOneMessage(t *testing.T) {
	d := standard(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		before := []byte("before")
		message, want := bytes.Clone(before), []byte(nil)
		for i := range 1 + rng.IntN(5) {
			if i > 0 {
				between := make([]byte, rng.IntN(3))
				message, want = AppendStored(message, between), append(want, between...)
			}
			src := make([]byte, []int{0, 1, 63, 64, 700, 65535, 65536, 150000}[rng.IntN(8)])
			for k := range src {
				src[k] = "abcd"[rng.IntN(4)]
				if i%2 == 1 {
					src[k] = byte(rng.Uint32()) // which does not become shorter
				}
			}
			at := len(message)
			message, want = d.Piece(message, src), append(want, src...)
			if most := len(src) + 6 + 5*(len(src)/65535+1); len(message)-at > most {
				t.Fatalf("a piece of %d bytes takes %d", len(src), len(message)-at)
			}
		}
		if !bytes.HasPrefix(message, before) {
			t.Fatal("what was before is gone")
		}
		if got := inflate(t, message[len(before):]); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came of %d", len(got), len(want))
		}
	}
}
