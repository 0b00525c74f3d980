/** The sum of a column; exact while every partial sum is below 2^53. */
export const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
