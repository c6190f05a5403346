package signed

import "context"

// SettleOnce is one look of [Desk.Settle].
func (d *Desk) SettleOnce(ctx context.Context) error { return d.settle(ctx) }
