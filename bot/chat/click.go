package chat

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/secret"
	"rekey/rotation"
)

// click is what somebody decided by a button: who, when, yes or no, on which
// request of which rotation, and on which evidence. Slack cannot be asked for
// it again, so it is stored, sealed under a key that is not in the store: who
// can write to the store can take a click away, and cannot make one.
type click struct {
	Rotation string    `json:"rotation"` // its key
	Card     int       `json:"card"`
	Plan     string    `json:"plan"`     // hash
	Evidence string    `json:"evidence"` // hash
	User     string    `json:"user"`
	Yes      bool      `json:"yes"`
	Reason   string    `json:"reason,omitempty"`
	Answer   string    `json:"answer,omitempty"` // which yes
	At       time.Time `json:"at"`
}

// clickOf is a decision about the request that a rotation asks now.
func clickOf(r *rotation.Rotation, user string, yes bool, reason string) click {
	return click{
		Rotation: r.Key(), Card: r.Card.Number, Plan: r.PlanHash, Evidence: r.Card.Evidence,
		User: user, Yes: yes, Reason: reason, At: time.Now(),
	}
}

// name of a click in the store: a person has one word on a request, the last.
func (c click) name() string { return strconv.Itoa(c.Card) + "/" + c.User }

// sealed is the stored form. What was said is kept as the text that was
// sealed, so that no encoder stands between the two.
type sealed struct {
	V    int    `json:"v"`
	Said string `json:"said"` // a click
	Seal string `json:"seal"` // hexadecimal
}

const (
	clickVersion = 1
	clickPurpose = "click/1" // of the seal; a seal made for anything else is worth nothing here
)

func (c click) seal(k secret.Key) ([]byte, error) {
	said, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encoding a click: %w", err)
	}
	return json.Marshal(sealed{V: clickVersion, Said: string(said), Seal: hex.EncodeToString(k.Sign(clickPurpose, string(said)))})
}

// unseal reads a stored click whose seal is whole.
func unseal(k secret.Key, body []byte) (click, error) {
	var s sealed
	if err := json.Unmarshal(body, &s); err != nil {
		return click{}, errors.New("it is not a click")
	}
	if s.V != clickVersion {
		return click{}, fmt.Errorf("its stored form %d is not known to this program (it knows %d)", s.V, clickVersion)
	}
	seal, err := hex.DecodeString(s.Seal)
	if err != nil || !hmac.Equal(seal, k.Sign(clickPurpose, s.Said)) {
		return click{}, errors.New("its seal is wrong: somebody else wrote it")
	}
	var c click
	if err := json.Unmarshal([]byte(s.Said), &c); err != nil {
		return click{}, errors.New("what was sealed is not a click")
	}
	return c, nil
}

// about holds a click against the request it is to be counted for.
func (c click) about(r *rotation.Rotation, card int) error {
	if s := sheafOf(r, card); s != nil {
		return c.onSheaf(s)
	}
	switch {
	case c.Rotation != r.Key() || c.Card != card:
		return errors.New("it was made on another request")
	case r.CardOf(card) == nil:
		return errors.New("the request is no longer the one that is asked")
	case c.Plan != r.PlanHash || c.Evidence != r.CardOf(card).Evidence:
		return errors.New("it was made on other evidence")
	default:
		return nil
	}
}

// togetherOn is a decision about a card of a batch; what it is bound to lists the
// plan and the evidence of each rotation.
func togetherOn(s *rotation.Sheaf, user string, yes bool, reason string) click {
	return click{Rotation: s.Batch, Card: s.Number, Evidence: s.Hash, User: user, Yes: yes, Reason: reason, At: time.Now()}
}

// onSheaf holds a click against the card of the batch it is to be counted for.
func (c click) onSheaf(s *rotation.Sheaf) error {
	switch {
	case c.Rotation != s.Batch || c.Card != s.Number:
		return errors.New("it was made on another request")
	case c.Evidence != s.Hash:
		return errors.New("it was made on other evidence")
	default:
		return nil
	}
}

// clicks are the decisions by button that may be counted for a request. What
// is stored there and is none is left out and logged, by ids only.
func (b *ballot) clicks(ctx context.Context, r *rotation.Rotation, card int) ([]click, error) {
	asked := messageOn(r, card)
	stored, err := b.store.Decisions(ctx, asked.key)
	if err != nil {
		return nil, err
	}
	var found []click
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		if !strings.HasPrefix(name, strconv.Itoa(asked.number)+"/") {
			continue // on another request
		}
		c, err := unseal(b.key, stored[name])
		if err == nil {
			err = c.about(r, card)
		}
		if err == nil && c.name() != name {
			err = errors.New("it stands under another person's name")
		}
		if err != nil {
			b.log.Warn("a stored click is not counted", "rotation", r.ID, "card", card, "name", name, "error", err)
			continue
		}
		found = append(found, c)
	}
	return found, nil
}
