package server

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/lxzan/gws"

	"tapedeck/wire"
)

// deflateLevel is klauspost's of the frames that are compressed. Of changes of a book level 6 saves 4 of a hundred bytes more, and
// takes 1.6 times as long (BenchmarkDeflateLevels).
const deflateLevel = flate.BestSpeed

// deflater compresses pieces into memory. One takes 350 KB, so each pump has one, once a client of it wants it.
type deflater struct {
	w   *flate.Writer
	out []byte
}

func newDeflater() wire.Deflate {
	d := new(deflater)
	d.w, _ = flate.NewWriter(d, deflateLevel) // which knows the level
	return d.append
}

func (d *deflater) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}

// append is a wire.Deflate. A write into memory cannot fail.
func (d *deflater) append(dst, src []byte) []byte {
	d.out = dst
	d.w.Reset(d) // so that it refers to nothing of earlier pieces
	_, _ = d.w.Write(src)
	_ = d.w.Flush()
	dst, d.out = bytes.TrimSuffix(d.out, syncTail), nil
	return dst
}

// syncTail is what a flush ends with, and RFC 7692 leaves out.
var syncTail = []byte{0, 0, 0xff, 0xff}

const (
	extensions = "Sec-WebSocket-Extensions"

	// deflateOffer is what gws is shown of an offer that we take: neither side keeps anything between messages.
	deflateOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

	rsv1 = 0x40 // in the first byte of a frame: its message is compressed
)

// agree leaves of the extensions that a client offers the one that is taken, and reports whether its messages will be
// compressed. gws takes any header with the extension's name in it for an offer.
func (s *Server) agree(h http.Header) bool {
	taken := s.config.Compression && slices.ContainsFunc(tokens(h, extensions), deflates)
	if h.Del(extensions); taken {
		h.Set(extensions, deflateOffer)
	}
	return taken
}

// deflates reports whether an offer is of permessage-deflate as we do it (RFC 7692 §7.1): with the whole window of 32 KiB
// from us. Any window of the client's will do.
func deflates(offer string) bool {
	name, rest, _ := strings.Cut(offer, ";")
	if !strings.EqualFold(strings.TrimSpace(name), "permessage-deflate") {
		return false
	}
	var seen []string
	for rest != "" {
		var param string
		param, rest, _ = strings.Cut(rest, ";")
		key, value, has := strings.Cut(param, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.Trim(strings.TrimSpace(value), `"`)
		if slices.Contains(seen, key) {
			return false
		}
		seen = append(seen, key)
		switch key {
		case "server_no_context_takeover", "client_no_context_takeover":
			if has {
				return false
			}
		case "server_max_window_bits":
			if value != "15" {
				return false
			}
		case "client_max_window_bits":
			if has && !slices.Contains(windows, value) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// windows are the sizes that RFC 7692 knows, in bits.
var windows = []string{"8", "9", "10", "11", "12", "13", "14", "15"}

// inflating is how gws reads what clients compress. It never compresses itself: what we send is compressed where it is
// shared, and the level that needs no memory is for what it would do otherwise. Each of its readers holds 80 KB.
func (s *Server) inflating() gws.PermessageDeflate {
	return gws.PermessageDeflate{
		Enabled: s.config.Compression, Level: flate.HuffmanOnly, PoolSize: 4,
		ServerMaxWindowBits: 15, ClientMaxWindowBits: 15,
	}
}
