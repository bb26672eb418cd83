// Package bench is a load client that believes nothing: it joins many rooms over many connections, checks the
// chain of every room on every connection and the content of books while it counts, and measures what arrives.
//
// Each connection is read by a goroutine of its own. What all of them share is counted without locks, but for
// the books whose content is checked, which are few.
package bench
