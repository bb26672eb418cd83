package subscriptions_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// deflater is what a hub of these tests compresses with: the standard library's. It counts.
func deflater(pieces *int) func() wire.Deflate {
	return func() wire.Deflate {
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, flate.BestSpeed)
		return func(dst, src []byte) []byte {
			*pieces++
			out.Reset()
			w.Reset(&out)
			_, _ = w.Write(src)
			_ = w.Flush()
			return append(dst, bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})...)
		}
	}
}

// inflate reads a message as RFC 7692 §7.2.2 has it.
func inflate(t *testing.T, message []byte) []byte {
	t.Helper()
	r := flate.NewReader(io.MultiReader(bytes.NewReader(message), bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff})))
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%v after %q of %x", err, text, message)
	}
	return text
}

// twin is two subscribers who do the same; one of them is compressed for.
type twin struct{ plain, packed *subscriptions.Subscriber }

func (w twin) both(f func(s *subscriptions.Subscriber)) { f(w.plain); f(w.packed) }

// Whatever happens, whoever is compressed for is told the same frames, byte for byte once they are inflated, in both
// encodings, whether he is in step, joins amid it, is slow or resumes.
func TestCompressedIsTheSame(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			pieces := 0
			s := newStage(t, subscriptions.Config{Entries: 16, Deflater: deflater(&pieces)})
			rng := rand.New(rand.NewPCG(seed, 5))
			var rooms []string
			for _, symbol := range []string{"X", "Y", "Z"} {
				rooms = append(rooms, "trades:TEST:"+symbol, "quotes:TEST:"+symbol, "candles:TEST:"+symbol+"@1m")
			}
			var twins []twin
			for i := range 24 {
				enc := wire.Encodings[i%2]
				w := twin{s.desk.NewSubscriber(enc), s.desk.NewSubscriber(enc)}
				w.packed.Deflate()
				twins = append(twins, w)
			}
			var since = map[string]uint64{}
			step := func() {
				w := twins[rng.IntN(len(twins))]
				room := rooms[rng.IntN(len(rooms))]
				name, _, _ := market.ParseRoom(room)
				switch rng.IntN(8) {
				case 0, 1:
					grant := subscriptions.Grant{Interval: time.Duration(rng.IntN(3)) * 100 * time.Millisecond, Last: rng.IntN(3)}
					var at *wire.Since
					if n := since[room]; n > 0 && rng.IntN(2) == 0 {
						at = &wire.Since{Epoch: "a", Seq: n}
					}
					w.both(func(s *subscriptions.Subscriber) { s.Join(name, grant, at) })
				case 2:
					w.both(func(s *subscriptions.Subscriber) { s.Leave(room) })
				case 3:
					w.both(func(s *subscriptions.Subscriber) { s.Blocked = true })
				case 4:
					w.both(func(s *subscriptions.Subscriber) { s.Resume() })
				case 5:
					n := rng.IntN(3)
					w.both(func(s *subscriptions.Subscriber) {
						for range n {
							s.Say(func(dst []byte, enc wire.Encoding) []byte {
								return enc.AppendError(dst, &wire.Error{Code: wire.BadRequest, Message: "no such thing as " + room, Room: room})
							})
						}
					})
				}
				symbol := []string{"X", "Y", "Z"}[rng.IntN(3)]
				for range rng.IntN(6) {
					s.trade(symbol)
					s.quote(symbol)
				}
				since[room] = uint64(s.offset)
			}
			frames := 0
			for range 800 {
				step()
				s.now += int64(rng.IntN(60)) * int64(time.Millisecond)
				got := map[*subscriptions.Subscriber][]byte{}
				for _, sub := range s.desk.Collect(s.now) {
					if !sub.Blocked {
						got[sub] = sub.Take(nil)
					}
				}
				for i, w := range twins {
					if len(got[w.plain]) == 0 && len(got[w.packed]) == 0 {
						continue
					}
					frames++
					if text := inflate(t, got[w.packed]); !bytes.Equal(text, got[w.plain]) {
						t.Fatalf("twin %d is told\n%q\nwhere the other is told\n%q", i, text, got[w.plain])
					}
				}
			}
			if frames < 500 || pieces < 100 {
				t.Errorf("%d frames of %d pieces: not much of a test", frames, pieces)
			}
			if before, after := s.desk.Counts.Plain.Load(), s.desk.Counts.Packed.Load(); before == 0 || after == 0 || after > before*3/2 {
				t.Errorf("%d bytes became %d", before, after)
			}
		})
	}
}

// A range is compressed once for all who share it, also where they are of several classes, and not for who is told it plain.
func TestRangeIsCompressedOnce(t *testing.T) {
	pieces := 0
	s := newStage(t, subscriptions.Config{Deflater: deflater(&pieces)})
	s.quote("X")
	told := 0
	for i := range 100 {
		g := s.desk.NewSubscriber(wire.JSON)
		if i%2 == 0 {
			g.Deflate()
		}
		name, _, _ := market.ParseRoom("quotes:TEST:X")
		g.Join(name, subscriptions.Grant{}, nil)
	}
	round := func() {
		s.now++
		for _, sub := range s.desk.Collect(s.now) {
			sub.Take(nil)
			told++
		}
	}
	round()
	for range 10 {
		s.quote("X")
		round()
	}
	if pieces != 11 || s.hub.Deflated() != 11 || s.hub.Encoded() != 11 {
		t.Errorf("compressed %d times, %d counted, and encoded %d times, of 11 ranges", pieces, s.hub.Deflated(), s.hub.Encoded())
	}
	if told != 1100 {
		t.Errorf("%d frames, want 1,100", told)
	}
}
