package wire

import "encoding/binary"

// Deflate appends src to dst as a piece of a compressed message: blocks of RFC 1951 that refer to nothing before
// them and end as RFC 7692 §7.2.1 has a message end, with the first byte of an empty stored block whose other four,
// 00 00 ff ff, are left out. It keeps nothing, and is used by one goroutine at a time.
//
// So a piece is a whole message, and pieces can be put together: AppendStored ends that block, with or without
// something in it, and another piece may follow. Nobody has to compress anew what another has compressed already.
type Deflate func(dst, src []byte) []byte

// minDeflate is the least that is worth compressing: a shorter message is about as long either way.
const minDeflate = 64

// maxStored is the most that a stored block holds.
const maxStored = 1<<16 - 1

// Piece is as Deflate, but stores what would not become shorter.
func (d Deflate) Piece(dst, src []byte) []byte {
	begin := len(dst)
	if len(src) >= minDeflate {
		dst = d(dst, src)
		if len(dst)-begin < len(src)+6 || len(src) > maxStored {
			return dst
		}
	}
	return append(AppendStored(append(dst[:begin], 0), src), 0)
}

// AppendStored appends what a stored block has behind its first byte: p, at most 65,535 bytes. It ends a piece, so that
// what follows begins anew, on a byte.
func AppendStored(dst, p []byte) []byte {
	n := uint16(len(p))
	dst = binary.LittleEndian.AppendUint16(dst, n)
	dst = binary.LittleEndian.AppendUint16(dst, ^n)
	return append(dst, p...)
}
