// Which screen this is: a tall one stands in a market and is everybody's; a telephone is somebody's own.

export const KIOSK = "(min-width: 1000px) and (min-height: 1500px)";
