package chat

import (
	"context"
	"strings"

	"rekey/bot/chat/render"
	"rekey/rotation"
)

// late tells people who react on a request that is closed that nothing came of
// it, once. The message says so, too, but its emoji can still be clicked, and
// who clicks an emoji has seldom read the message again. Who decided the
// request is left alone. It is true for everyone whose mark is there, because
// what is on a card does not tell when it came.
func (c *Chat) late(ctx context.Context, r *rotation.Rotation, card int) error {
	why := inert(r, card)
	if why == "" {
		return nil
	}
	seen, err := c.ballot.read(ctx, r, card)
	if err != nil {
		return err
	}
	for _, m := range seen.marks.Marks {
		if d := r.Card.Denied; r.Card.Number == card && d != nil && d.Person.ID == m.Person.ID {
			continue
		}
		_, user, _ := strings.Cut(m.Person.ID, "/")
		c.tell(ctx, aside{r, card, seen.at, user, why})
	}
	return nil
}

// inert says why marks on a card count for nothing any more, or "" where
// nobody needs to hear it: the card is open, or what it asked for is on its
// way.
func inert(r *rotation.Rotation, card int) string {
	const dead = "marks on it are not counted any more."
	if r.State.Final() || r.Card == nil || render.Open(r, card) {
		return ""
	}
	if r.Card.Number > card {
		return "A later request in this thread took the place of this one; " + dead
	}
	how := map[rotation.CardState]string{rotation.CardExpired: "has expired", rotation.CardDenied: "was denied", rotation.CardVoid: "is void"}[r.Card.State]
	if how == "" {
		return ""
	}
	text := "This request " + how + "; " + dead
	if len(r.Ends) == 0 && !r.Cell.Ahead() {
		text += " " + r.Safe()
		if r.Cell.Mode != rotation.Rollback {
			text += " `/rotate retry " + r.Secret + "` asks again."
		}
	}
	return text
}
