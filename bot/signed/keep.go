package signed

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rekey/internal/secret"
	"rekey/rotation"
)

// taken is a decision as it is kept: what was signed, the signature, by whom as
// was found, and when a replica took it.
type taken struct {
	Statement string    `json:"statement"`
	Signature string    `json:"signature"`
	User      string    `json:"user"`
	At        time.Time `json:"at"`
}

// sealed is the stored form. The seal proves that a replica took the statement
// while it was fresh: who can write to the store cannot put there what somebody
// once signed and never handed in.
type sealed struct {
	V    int    `json:"v"`
	Said string `json:"said"` // a taken
	Seal string `json:"seal"` // hexadecimal
}

const (
	keptVersion = 1
	keptPurpose = "statement/1" // of the seal
)

// prefix begins the names of decisions on one card.
func prefix(card int) string { return "signed/" + strconv.Itoa(card) + "/" }

func (t taken) seal(k secret.Key) ([]byte, error) {
	said, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encoding a decision: %w", err)
	}
	return json.Marshal(sealed{V: keptVersion, Said: string(said), Seal: hex.EncodeToString(k.Sign(keptPurpose, string(said)))})
}

func unseal(k secret.Key, body []byte) (taken, error) {
	var s sealed
	if err := json.Unmarshal(body, &s); err != nil {
		return taken{}, errors.New("it is not a signed decision")
	}
	if s.V != keptVersion {
		return taken{}, fmt.Errorf("its stored form %d is not known to this program (it knows %d)", s.V, keptVersion)
	}
	seal, err := hex.DecodeString(s.Seal)
	if err != nil || !hmac.Equal(seal, k.Sign(keptPurpose, s.Said)) {
		return taken{}, errors.New("its seal is wrong: somebody else wrote it")
	}
	var t taken
	if err := json.Unmarshal([]byte(s.Said), &t); err != nil {
		return taken{}, errors.New("what was sealed is not a signed decision")
	}
	return t, nil
}

// about holds a decision against the request it is to be counted for.
func (s Statement) about(r *rotation.Rotation, card int) error {
	switch {
	case r.CardOf(card) == nil:
		return errors.New("the request is no longer the one that is asked")
	case !s.Act.Yes() && s.Act != Deny || s.Rotation != r.ID || s.Secret != r.Secret || s.Card != card:
		return errors.New("it was made on another request")
	case s.Act.vault() && r.CardOf(card).About != rotation.AboutVault:
		return errors.New("it answers another question than the request asks")
	case s.Plan != r.PlanHash || s.Evidence != r.CardOf(card).Evidence:
		return errors.New("it was made on other evidence")
	default:
		return nil
	}
}

// onSheaf holds a decision against the request of a batch that it is to be counted
// for.
func (s Statement) onSheaf(sheaf *rotation.Sheaf) error {
	switch {
	case s.Act != Approve && s.Act != Deny || rotation.BatchKey(s.Batch) != sheaf.Batch || s.Card != sheaf.Number:
		return errors.New("it was made on another request")
	case s.Plan != sheaf.Plans() || s.Evidence != sheaf.Hash:
		return errors.New("it was made on other evidence")
	default:
		return nil
	}
}

// holder is the person that a name of a kept decision is about.
func holder(name string, card int) (user string, ok bool) {
	return strings.CutPrefix(name, prefix(card))
}
