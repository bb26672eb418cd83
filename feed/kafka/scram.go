package kafka

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
)

// scram logs in with a password that does not cross the wire (RFC 5802, RFC 7677), by what the standard
// library has; kafka-go's own needs three more modules. Passwords are taken as they are, without
// SASLprep: those in ASCII are the same by both.
type scram struct {
	name           string
	hash           func() hash.Hash
	user, password string
}

func scram256(user, password string) sasl.Mechanism {
	return &scram{"SCRAM-SHA-256", sha256.New, user, password}
}

func scram512(user, password string) sasl.Mechanism {
	return &scram{"SCRAM-SHA-512", sha512.New, user, password}
}

// Name implements sasl.Mechanism.
func (s *scram) Name() string { return s.name }

// Start implements sasl.Mechanism.
func (s *scram) Start(context.Context) (sasl.StateMachine, []byte, error) {
	escape := strings.NewReplacer("=", "=3D", ",", "=2C")
	c := &scramSession{scram: s, nonce: rand.Text()}
	c.first = "n=" + escape.Replace(s.user) + ",r=" + c.nonce
	return c, []byte("n,," + c.first), nil
}

// scramSession is one login: our first message, then the answer to the server's challenge, then its proof.
type scramSession struct {
	*scram
	nonce, first string
	proof        []byte // that the server has to show; nil before its challenge
}

// minIterations is the least that RFC 7677 allows: fewer would make a stolen exchange cheap to guess.
const minIterations = 4096

// Next implements sasl.StateMachine.
func (c *scramSession) Next(_ context.Context, message []byte) (bool, []byte, error) {
	f := scramFields(message)
	if reason := f["e"]; reason != "" {
		return false, nil, fmt.Errorf("%s: the broker refuses: %s", c.name, reason)
	}
	if c.proof != nil {
		shown, err := base64.StdEncoding.DecodeString(f["v"])
		if err != nil || !hmac.Equal(shown, c.proof) {
			return false, nil, fmt.Errorf("%s: the broker does not know the password either", c.name)
		}
		return true, nil, nil
	}
	answer, err := c.answer(string(message), f)
	return false, answer, err
}

func (c *scramSession) answer(challenge string, f map[string]string) ([]byte, error) {
	salt, err := base64.StdEncoding.DecodeString(f["s"])
	rounds, err2 := strconv.Atoi(f["i"])
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("%s: the broker's challenge: %w", c.name, err)
	}
	if !strings.HasPrefix(f["r"], c.nonce) || len(f["r"]) == len(c.nonce) || len(salt) == 0 {
		return nil, fmt.Errorf("%s: the broker's challenge does not answer ours", c.name)
	}
	if rounds < minIterations || rounds > 1<<20 {
		return nil, fmt.Errorf("%s: the broker asks for %d iterations: %d to %d are allowed", c.name, rounds, minIterations, 1<<20)
	}
	salted, err := pbkdf2.Key(c.hash, c.password, salt, rounds, c.hash().Size())
	if err != nil {
		return nil, err
	}
	final := "c=biws,r=" + f["r"]
	signed := c.first + "," + challenge + "," + final
	key := c.sign(salted, "Client Key")
	h := c.hash()
	h.Write(key)
	signature := c.sign(h.Sum(nil), signed)
	subtle.XORBytes(key, key, signature)
	c.proof = c.sign(c.sign(salted, "Server Key"), signed)
	return []byte(final + ",p=" + base64.StdEncoding.EncodeToString(key)), nil
}

func (c *scramSession) sign(key []byte, text string) []byte {
	m := hmac.New(c.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// scramFields takes a message of the form a=…,b=… apart.
func scramFields(message []byte) map[string]string {
	f := map[string]string{}
	for part := range bytes.SplitSeq(message, []byte{','}) {
		if k, v, ok := bytes.Cut(part, []byte{'='}); ok {
			f[string(k)] = string(v)
		}
	}
	return f
}
