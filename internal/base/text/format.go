package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The words inside of numbers, sizes and times.
const (
	formatSeconds Key = "format.seconds"
	formatMinutes Key = "format.minutes"
	formatHours   Key = "format.hours"
	formatDays    Key = "format.days"
	formatDecimal Key = "format.decimal"
	formatDate    Key = "format.date"
	formatTime    Key = "format.time"
	formatMoment  Key = "format.moment"
	formatBytes   Key = "format.bytes"
)

var formatTexts = table{
	formatSeconds: {"%d seconds|1 second", "%d Sekunden|1 Sekunde"},
	formatMinutes: {"%d minutes|1 minute", "%d Minuten|1 Minute"},
	formatHours:   {"%d hours|1 hour", "%d Stunden|1 Stunde"},
	formatDays:    {"%d days|1 day", "%d Tagen|1 Tag"},
	formatBytes:   {"%d bytes|1 byte", "%d Bytes|1 Byte"},
	formatDecimal: {".", ","},
	formatDate:    {"2 January 2006", "2.1.2006"},
	formatTime:    {"15:04:05", "15:04:05"},
	formatMoment:  {"2 January 2006 15:04 MST", "2.1.2006, 15:04 Uhr MST"},
}

// count says "3 hours" or "1 hour" out of "%d hours|1 hour".
func count(l Lang, k Key, n int64) string {
	many, one, _ := strings.Cut(Say(l, k), "|")
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

// Duration says a length of time in its largest whole unit, as it follows "in" or "after" ("nach 2 Tagen"): "4 hours", "90
// seconds" is "90 seconds", "36 hours" stays hours.
func Duration(l Lang, d time.Duration) string {
	switch {
	case d < 2*time.Minute && d%time.Minute != 0:
		return count(l, formatSeconds, int64(d.Round(time.Second)/time.Second))
	case d < 2*time.Hour && d%time.Hour != 0 || d < time.Hour:
		return count(l, formatMinutes, int64(d.Round(time.Minute)/time.Minute))
	case d < 48*time.Hour && d%(24*time.Hour) != 0:
		return count(l, formatHours, int64(d.Round(time.Hour)/time.Hour))
	}
	return count(l, formatDays, int64((d+12*time.Hour)/(24*time.Hour)))
}

// Size says a number of bytes: "512 bytes", "3.4 KiB".
func Size(l Lang, n int64) string {
	if n < 1024 {
		return count(l, formatBytes, n)
	}
	v, unit := float64(n), 0
	const units = "KMGTPE"
	for v /= 1024; v >= 1023.95 && unit+1 < len(units); unit++ {
		v /= 1024
	}
	num := strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	return strings.Replace(num, ".", Say(l, formatDecimal), 1) + " " + units[unit:unit+1] + "iB"
}

// Date says a day.
func Date(l Lang, t time.Time) string { return t.Format(Say(l, formatDate)) }

// Clock says a time of day, to the second.
func Clock(l Lang, t time.Time) string { return t.Format(Say(l, formatTime)) }

// Moment says a day and a time with its zone.
func Moment(l Lang, t time.Time) string { return t.Format(Say(l, formatMoment)) }
