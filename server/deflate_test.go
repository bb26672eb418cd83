package server

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// compressed makes a node that compresses, which these tests' clients then offer.
func compressed(c *Config) { c.Compression = true }

// inflate reads a message as RFC 7692 §7.2.2 has it, by a reader that is not what wrote it.
func inflate(message []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(message), bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}))))
}

func TestOffersOfCompression(t *testing.T) {
	for offer, want := range map[string]bool{
		"permessage-deflate":                         true,
		"Permessage-Deflate; client_max_window_bits": true, // browsers
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover":  true,
		`permessage-deflate;server_max_window_bits="15" ; client_max_window_bits = 9`: true,
		"permessage-deflate; server_max_window_bits=10":                               false, // our window is larger
		"permessage-deflate; server_max_window_bits":                                  false,
		"permessage-deflate; client_max_window_bits=16":                               false,
		"permessage-deflate; client_max_window_bits=9; client_max_window_bits=9":      false,
		"permessage-deflate; server_no_context_takeover=1":                            false,
		"permessage-deflate; mux":                                                     false,
		"x-permessage-deflate-frame":                                                  false,
		"permessage-deflate; server_no_context_takeover; server_no_context_takeover":  false,
		"permessage-bzip2; server_no_context_takeover":                                false,
	} {
		if got := deflates(offer); got != want {
			t.Errorf("%s: taken: %v", offer, got)
		}
	}
}

// Compression is off unless it is asked for, and done for those alone who offer it: with the first of their offers that fits.
func TestCompressionIsAgreed(t *testing.T) {
	for _, on := range []bool{false, true} {
		n := run(t, newTape(1), func(c *Config) { c.Compression = on })
		for offer, taken := range map[string]bool{
			"": false, "permessage-deflate; mux": false, "permessage-deflate": true,
			"permessage-deflate; server_max_window_bits=9, x-other, permessage-deflate; client_max_window_bits": true,
		} {
			p := dial(t, n, 0)
			headers := upgradeHeaders
			if offer != "" {
				headers += extensions + ": " + offer + "\r\n"
			}
			answer := p.upgrade("?rooms="+trades, headers, "")
			want := ""
			if on && taken {
				want, p.inflates = deflateOffer, true
			}
			if got := answer.Header.Get(extensions); answer.StatusCode != http.StatusSwitchingProtocols || got != want {
				t.Errorf("on %v: %q was answered %s with %q, want %q", on, offer, answer.Status, got, want)
			}
			known := mirror.New() // a frame that is compressed without agreement is a fault of next
			p.fold(known, "a snapshot", func() bool { return known.Room(trades).Has })
		}
	}
}

// Who is compressed for is told the same bytes as who is not, in both encodings and with TLS; commands may be compressed
// too, and control frames come in order, as they are.
func TestCompressedClientSeesTheSame(t *testing.T) {
	for _, enc := range wire.Encodings {
		for _, safe := range []bool{false, true} {
			t.Run(fmt.Sprint(enc.Name(), " tls ", safe), func(t *testing.T) {
				options := []func(*Config){compressed, func(c *Config) { c.Heartbeat = time.Hour }}
				if safe {
					options = append(options, secure(t))
				}
				tp := newTape(1)
				n := run(t, tp, options...)
				tp.add("whole BTC-USD 0 b100=1 a101=1\ntrade BTC-USD 0 100 1")
				open := func(offer string) *peer {
					p := dial(t, n, 0)
					p.inflates = offer != ""
					p.upgrade("?rooms="+trades+","+book, upgradeHeaders+"Sec-WebSocket-Protocol: "+enc.Name()+"\r\n"+offer, "")
					for snapshots := 0; snapshots < 2; {
						_, payload, err := p.next()
						if err != nil {
							t.Fatal(err)
						}
						snapshots += bytes.Count(payload, []byte("snapshot")) - bytes.Count(payload, []byte("snapshotTrades")) - bytes.Count(payload, []byte("snapshotCandles"))
					}
					return p
				}
				plain, packed := open(""), open(extensions+": permessage-deflate\r\n")
				rng := rand.New(rand.NewPCG(1, 1))
				same := func() {
					t.Helper()
					opcode, want, err := plain.next()
					if err != nil {
						t.Fatal(err)
					}
					opcode2, got, err := packed.next()
					if err != nil || opcode != opcode2 || !bytes.Equal(got, want) {
						t.Fatalf("told %x %q, %v, where the other is told %x %q", opcode2, got, err, opcode, want)
					}
				}
				seq := 0
				for i := range 50 {
					if i%3 == 2 {
						tp.add("trade BTC-USD %d 100 1", i)
						same() // one room a record, or it may be two frames
						tp.add("trade BTC-USD %d 100 1\ntrade BTC-USD %d 101 1", i, i)
						same()
						continue
					}
					seq++
					var b strings.Builder
					fmt.Fprintf(&b, "delta BTC-USD %d %d b100=%d", seq, seq, seq)
					for range rng.IntN(60) {
						fmt.Fprintf(&b, " b%d=%d", rng.IntN(100), 1+rng.IntN(1000))
					}
					tp.add("%s", b.String())
					same()
				}
				command := []byte(`{"op":"unsubscribe","id":"` + strings.Repeat("x", 60) + `","rooms":["` + trades + `"]}`)
				plain.write(frame(0x81, command))
				packed.write(frame(0x80|rsv1|0x01, newDeflater()(nil, command)))
				same()
				for _, p := range []*peer{plain, packed} {
					p.write(frame(0x89, []byte("are you there")))
				}
				same()
				n.stop()
				for _, p := range []*peer{plain, packed} {
					if _, payload, err := p.next(); err != nil || !bytes.Contains(payload, []byte("draining")) {
						t.Errorf("bye is %q, %v", payload, err)
					}
				}
				same()
			})
		}
	}
}

// gws' own client, and what the operator is told of it.
func TestCompressionWithAnotherClient(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp, compressed)
	tp.add("whole BTC-USD 0 b100=1 a101=1\ntrade BTC-USD 0 100 1")
	var clients []*client
	for range 4 {
		clients = append(clients, greet(t, n, "?rooms="+trades+","+book+"&interval=50ms"))
	}
	for i := 1; i <= 200; i++ {
		tp.add("trade BTC-USD %d 100 1\ndelta BTC-USD %d %d b%d=%d", i, i, i, 50+i%40, i)
	}
	for _, c := range clients {
		c.at(trades, 201)
		c.at(book, 201)
		c.say(`{"op":"list","id":%q}`, strings.Repeat("a long id ", 5))
		c.hear("an answer", kind("ok"))
	}
	got := n.scrape()
	before, after := got[`tapedeck_compression_bytes_total{side="before"}`], got[`tapedeck_compression_bytes_total{side="after"}`]
	if len(before) < 4 || after == "0" || len(after) > len(before) || got["tapedeck_deflated_ranges_total"] == "0" {
		t.Errorf("%s bytes became %s, in %s ranges", before, after, got["tapedeck_deflated_ranges_total"])
	}
}

// A tick to all who follow a room is compressed once, and costs no memory for any of them.
func TestACompressedTickAllocatesNothing(t *testing.T) {
	for _, room := range []string{trades, quotes, book} {
		t.Run(room, func(t *testing.T) {
			b := newBench(t)
			first, next := ticks(room)
			b.log.log.Apply(0, 1e15, 0, 0, first)
			const sessions = 100
			for range sessions {
				b.add(room, "0", wire.JSON, true)
			}
			b.settle()
			offset := int64(0)
			tick := func() {
				offset++
				b.log.log.Apply(offset, 1e15+offset, 0, time.Now().UnixNano(), next(offset))
				b.pump.round()
			}
			for range 300 {
				tick()
			}
			frames, packed := b.frames(), b.hub.Deflated()
			const runs = 100
			if allocs := testing.AllocsPerRun(runs, tick); allocs > 0 {
				t.Errorf("%v allocations a tick", allocs)
			}
			if got := b.frames() - frames; got != sessions*(runs+1) {
				t.Errorf("%d frames for %d ticks", got, runs+1)
			}
			if got := b.hub.Deflated() - packed; got != runs+1 {
				t.Errorf("compressed %d times for %d ticks to %d sessions", got, runs+1, sessions)
			}
		})
	}
}
