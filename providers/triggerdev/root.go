package triggerdev

import (
	"rekey/internal/fault"
	"rekey/internal/secret"
)

// rootPage is an answer that holds a root key.
type rootPage struct {
	Key secret.Value `json:"apiKey"`
}

// key is the root key of an answer, which must be the environment's.
func (r rootPage) key(op string, at Place, status int) (key, error) {
	own, ok := parse(r.Key)
	if !ok || !own.root || own.prefix != prefixes[at.Environment] {
		return key{}, &fault.Error{Op: op, Reason: fault.Garbled, Status: status, Detail: "the answer holds no root key of environment " + at.Environment}
	}
	return own, nil
}
