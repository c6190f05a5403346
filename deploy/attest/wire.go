package attest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"rekey/internal/secret"
)

// Header carries the signature of a question.
const Header = "X-Rekey-Signature"

// version separates these hashes from any other use of the key.
const version = "rekey-attest-v1"

// Question is what is asked.
type Question struct {
	Name  string `json:"name"`  // the variable
	Nonce string `json:"nonce"` // 32 hexadecimal digits, never used twice
	Time  int64  `json:"time"`  // Unix seconds
}

// Answer is what an application says.
type Answer struct {
	Instance   string `json:"instance"`   // which of its instances speaks
	Deployment string `json:"deployment"` // that instance's
	Time       int64  `json:"time"`       // Unix seconds, by its own clock
	Proof      string `json:"proof"`      // see [Prove]
}

// SignAsk returns the [Header] of a question.
func SignAsk(key secret.Value, q Question) string {
	return "v1=" + sign(key, "ask", strconv.FormatInt(q.Time, 10), q.Nonce, q.Name)
}

// Prove returns the proof that an answer, complete but for its proof, gives
// for a value. The value itself does not enter: its SHA-256 does.
func Prove(key secret.Value, q Question, a Answer, value secret.Value) string {
	sum := sha256.Sum256([]byte(value.Reveal()))
	return sign(key, "answer", q.Nonce, strconv.FormatInt(a.Time, 10), q.Name, a.Instance, a.Deployment, hex.EncodeToString(sum[:]))
}

// sign hashes the lines under the key. No line may hold a line break, or two
// different messages could hash alike.
func sign(key secret.Value, lines ...string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(version + "\n" + strings.Join(lines, "\n")))
	return hex.EncodeToString(mac.Sum(nil))
}
