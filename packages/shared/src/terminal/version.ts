/** The version both programs print and tell each other. */

export const VERSION = '0.1.0';
